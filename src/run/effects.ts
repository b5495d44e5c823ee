/**
 * What a run does to the world after a save: invitations, pushes, a word to history, one alarm. Nothing is waited for.
 * What gets lost is done again when its time comes, and what is done twice is harmless.
 */
import type { RunId } from "../contract/id.ts";
import { CAPACITY, TIMING } from "../contract/limits.ts";
import type { Push } from "../contract/sync.ts";
import { countInvitations, invited, sessionAtWork } from "../engine/invite.ts";
import type { Run } from "../engine/run.ts";
import type { Env } from "../env.ts";
import { executorStub } from "../stubs.ts";

export class Effects {
  readonly #env: Env;
  readonly #storage: DurableObjectStorage;
  /** When the alarm is set for; unknown after a load, which only means that it is set again. */
  #alarmAt = Number.POSITIVE_INFINITY;
  /** Counts invitations, so that they go to different executors. */
  #slot = 0;

  constructor(env: Env, storage: DurableObjectStorage) {
    this.#env = env;
    this.#storage = storage;
  }

  invite(run: Run, now: number): void {
    const count = countInvitations(run);
    if (count === 0) return;
    invited(run, count, now);
    const session = count === 1 ? sessionAtWork(run) : undefined;
    if (session !== undefined) return this.#dispatch(this.#ask(session, run.definition.id));
    const messages = Array.from({ length: count }, () => ({
      body: { runId: run.definition.id, slot: this.#slot++ % CAPACITY.executors },
    }));
    this.#dispatch(this.#env.TASKS.sendBatch(messages));
  }

  push(push: Push): void {
    this.#dispatch(this.#executorOf(push.session).push(push));
  }

  /** A little late, so that a short run is written once; what happens meanwhile goes with it. */
  askForProjection(runId: RunId): void {
    const delaySeconds = TIMING.projectionDelayMs / 1000;
    this.#dispatch(this.#env.HISTORY.send({ runId }, { delaySeconds }));
  }

  /** The alarm only ever moves earlier: setting it costs a row, and waking too early just sets it again. */
  wakeBy(due: number): void {
    if (due >= this.#alarmAt) return;
    this.#alarmAt = due;
    this.#dispatch(this.#storage.setAlarm(Math.max(due, Date.now() + 1)));
  }

  /** The alarm rang: none is set. */
  rang(): void {
    this.#alarmAt = Number.POSITIVE_INFINITY;
  }

  /** An executor that is at it already is near: that saves the queue. One that is full leaves it to the others. */
  async #ask(session: string, runId: RunId): Promise<void> {
    const answer = await this.#executorOf(session)
      .go(runId)
      .catch(() => "full" as const);
    if (answer === "full") await this.#env.TASKS.send({ runId, slot: this.#slot++ % CAPACITY.executors });
  }

  #executorOf(session: string): ReturnType<typeof executorStub> {
    const [executor = ""] = session.split(".");
    return executorStub(this.#env, executor);
  }

  #dispatch(effect: Promise<unknown>): void {
    effect.catch((error) => console.warn("run: an effect was lost and will be repeated", String(error)));
  }
}
