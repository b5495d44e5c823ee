/**
 * What a run does to the world after a save: invitations, pushes, a word to history, one alarm. Nothing is waited for.
 * What gets lost is done again when its time comes, and what is done twice is harmless.
 */
import type { RunId } from "../contract/id.ts";
import { TIMING } from "../contract/limits.ts";
import type { Push } from "../contract/sync.ts";
import { countInvitations, invited, sessionAtWork } from "../engine/invite.ts";
import type { Run } from "../engine/run.ts";
import type { Env } from "../env.ts";
import { executorFor, executorStub } from "../stubs.ts";

export class Effects {
  readonly #env: Env;
  readonly #storage: DurableObjectStorage;
  readonly #lost: (session: string) => void;
  /** When the alarm is set for; unknown after a load, which only means that it is set again. */
  #alarmAt = Number.POSITIVE_INFINITY;
  #answersFirst = false;
  /** Counts invitations, so that they go to different executors. */
  #slot = 0;

  /** `lost` hears of sessions that are not there any more. */
  constructor(env: Env, storage: DurableObjectStorage, lost: (session: string) => void) {
    this.#env = env;
    this.#storage = storage;
    this.#lost = lost;
  }

  invite(run: Run, now: number): void {
    const count = countInvitations(run);
    if (count === 0) return;
    invited(run, count, now);
    const { id } = run.definition;
    const executor = executorOf(sessionAtWork(run)) ?? executorFor(this.#env, id, this.#slot, 0);
    const send = () => this.#dispatch(count === 1 ? this.#ask(executor, id) : this.#send(id, count));
    if (this.#answersFirst) setTimeout(send, TIMING.answerFirstMs);
    else send();
    this.#answersFirst = false;
  }

  /** Somebody waits for the answer to this command alone: the work, which may keep the same thread busy, follows it. */
  answerFirst(): void {
    this.#answersFirst = true;
  }

  push(push: Push): void {
    const pushed = executorStub(this.#env, executorOf(push.session)).push(push);
    this.#dispatch(pushed.then((isThere) => (isThere ? undefined : this.#lost(push.session))));
  }

  /** A little late, so that a short run is written once; what happens meanwhile goes with it. */
  askForProjection(runId: RunId): void {
    const delaySeconds = TIMING.projectionDelayMs / 1000;
    this.#dispatch(this.#env.HISTORY.send({ runId }, { delaySeconds }));
  }

  /** The alarm moves earlier alone: setting it costs a row, and waking too early just sets it again. */
  wakeBy(due: number): void {
    // One that should have rung some time ago was lost.
    const isSet = due >= this.#alarmAt && this.#alarmAt > Date.now() - TIMING.alarmLateMs;
    if (!isSet && due !== Number.POSITIVE_INFINITY) this.wakeAt(due);
  }

  /** False: it is set for then. */
  wakeAt(due: number): boolean {
    if (due === this.#alarmAt) return false;
    this.#alarmAt = due;
    this.#dispatch(this.#storage.setAlarm(Math.max(due, Date.now() + 1)));
    return true;
  }

  /** The alarm rang: none is set. */
  rang(): void {
    this.#alarmAt = Number.POSITIVE_INFINITY;
  }

  /** One invitation is said to an executor directly, which saves the queue; that looks for another where it is full. */
  async #ask(executor: string, runId: RunId): Promise<void> {
    const answer = await executorStub(this.#env, executor)
      .go(runId)
      .catch(() => "full" as const);
    if (answer === "full") await this.#send(runId, 1);
  }

  async #send(runId: RunId, count: number): Promise<void> {
    const messages = Array.from({ length: count }, () => ({ body: { runId, slot: this.#slot++ } }));
    await this.#env.TASKS.sendBatch(messages);
  }

  #dispatch(effect: Promise<unknown>): void {
    effect.catch((error) => console.warn("run: an effect was lost and will be repeated", String(error)));
  }
}

/** A session is named after its executor. */
function executorOf(session: string): string;
function executorOf(session: string | undefined): string | undefined;
function executorOf(session: string | undefined): string | undefined {
  return session?.slice(0, session.indexOf("."));
}
