/**
 * A run as a Durable Object: load → decide → save → perform. What happens is decided by the pure engine; this shell
 * keeps it, tells those whom it concerns, and sets one alarm.
 *
 * There is no `await` between load and save, and a save that fails aborts the object: memory never runs ahead of the
 * disk. Everything performed may be performed twice or get lost: the alarm finds out and does it again.
 */
import { DurableObject } from "cloudflare:workers";
import type { Command } from "../contract/command.ts";
import { GleitzeitError } from "../contract/error.ts";
import type { JournalEntry, LiveEvent, RunEvent } from "../contract/event.ts";
import type { RunId } from "../contract/id.ts";
import type { Json } from "../contract/json.ts";
import { LIMITS, TIMING } from "../contract/limits.ts";
import { hasEnded } from "../contract/run.ts";
import type { SlotAnswer, SyncAnswer, SyncRequest } from "../contract/sync.ts";
import { apply } from "../engine/apply.ts";
import { type Decision, decide } from "../engine/decide.ts";
import { nextDue } from "../engine/due.ts";
import { type KeptLeases, leasesToKeep, restoreLeases } from "../engine/lease.ts";
import { answerSlot } from "../engine/offers.ts";
import { lastAttempt, makeRun, type Run } from "../engine/run.ts";
import type { Env } from "../env.ts";
import { replyWith } from "../reply.ts";
import { settingsOf } from "../settings.ts";
import type { Projected, Reply, RunRpc, Started, Steering, View } from "../stubs.ts";
import {
  answerSummary,
  answerTask,
  answerView,
  answerWorkflow,
  entriesOf,
  isOverAt,
  type Readable,
  takePage,
} from "./answers.ts";
import { parseStored, type Stored } from "./definition.ts";
import { Effects } from "./effects.ts";
import { Projection } from "./projection.ts";
import { encodeRecord } from "./record.ts";
import { streamResults } from "./results.ts";
import { RunStorage } from "./run-storage.ts";
import { Watch } from "./watch.ts";

type Loaded = Readable & { projection: Projection };

export class RunObject extends DurableObject<Env> implements RunRpc {
  readonly #storage = new RunStorage(this.ctx.storage);
  readonly #watch = new Watch({
    read: (seq) => this.#readJournal(seq),
    isOver: (seq) => this.#isOver(seq),
  });
  readonly #effects = new Effects(this.env, this.ctx.storage, (session) => this.#lose(session));
  #loaded: Loaded | undefined;
  #kept: KeptLeases = {};
  readonly #waiting = new Set<() => void>();

  start(definition: Uint8Array, waitMs = 0): Promise<Reply<Started>> {
    return replyWith(async () => {
      const { loaded, replayed } = this.#startOnce(definition, waitMs);
      return { id: loaded.stored.id, replayed, view: await this.#viewAfter(loaded, waitMs) };
    });
  }

  sync(request: SyncRequest): SyncAnswer {
    if (this.#load() === undefined) return { work: [], drop: request.holding, follow: false, more: false };
    const { answer } = this.#execute({ type: "sync", request });
    if (answer === undefined) throw new Error("a sync has no answer");
    return answer;
  }

  tokens(batch: LiveEvent[]): void {
    const loaded = this.#load();
    if (loaded === undefined) return;
    const ofLive = batch.filter(({ taskId, attempt }) => {
      const task = loaded.run.tasks.get(taskId);
      const last = task === undefined ? undefined : lastAttempt(task);
      return last?.number === attempt && last.end === undefined;
    });
    const isMissing = this.#watch.tokens(ofLive);
    if (isMissing) this.#askForTokens(loaded.run);
  }

  slot(lane: string, isKept: boolean): SlotAnswer {
    const loaded = this.#load();
    if (loaded === undefined) return { isWanted: false };
    const answer = answerSlot(loaded.run, lane);
    const waits = isKept && answer.next !== undefined;
    this.#execute({ type: "slot", lane, isKept: isKept && answer.isWanted, waits });
    return answer;
  }

  steer(id: RunId, command: Steering): Promise<Reply<View>> {
    return replyWith(() => {
      const loaded = this.#find(id);
      const { refusal } = this.#execute(command);
      if (refusal !== undefined) throw refusal;
      return answerView(loaded);
    });
  }

  view(id: RunId, waitMs = 0): Promise<Reply<View>> {
    return replyWith(() => this.#viewAfter(this.#find(id), waitMs));
  }

  task(id: RunId, taskId: string): Promise<Reply<Uint8Array>> {
    return replyWith(() => answerTask(this.#find(id), taskId));
  }

  workflow(id: RunId): Promise<Reply<Uint8Array>> {
    return replyWith(() => answerWorkflow(this.#find(id)));
  }

  results(id: RunId): Promise<Reply<ReadableStream<Uint8Array>>> {
    return replyWith(() => streamResults(this.#find(id).run, this.#storage));
  }

  journal(id: RunId, afterSeq: number, limit: number): Promise<Reply<JournalEntry[]>> {
    return replyWith(() => {
      this.#find(id);
      return takePage(this.#readJournal(afterSeq), limit);
    });
  }

  follow(id: RunId, afterSeq: number): Promise<Reply<ReadableStream<Uint8Array>>> {
    return replyWith(() => {
      const { run } = this.#find(id);
      if (this.#watch.isFull) {
        const message = `run ${id} has ${LIMITS.followers} followers already`;
        throw new GleitzeitError("rate_limited", message);
      }
      const isFirst = !this.#watch.isFollowed;
      const body = this.#watch.follow(afterSeq);
      if (isFirst) this.#askForTokens(run);
      return body;
    });
  }

  project(): Projected | undefined {
    const loaded = this.#load();
    if (loaded === undefined) return undefined;
    const { run } = loaded;
    const summary = answerSummary(loaded);
    const most = hasEnded(run.state.status) ? LIMITS.historyBatchBytes - summary.byteLength : 0;
    return { revision: run.seq, summary, record: encodeRecord(run, this.#storage, most) };
  }

  projected(revision: number, isKept: boolean): void {
    const loaded = this.#load();
    if (loaded === undefined) return;
    loaded.projection.acknowledge({ revision, isKept });
    this.#project(loaded);
  }

  wake(): void {
    if (this.#load() !== undefined) this.#execute({ type: "wake" });
  }

  /** Never throws: the platform stops calling after six times. */
  override async alarm(): Promise<void> {
    this.#effects.rang();
    try {
      const loaded = this.#load();
      if (loaded === undefined) return;
      if (Date.now() >= this.#leavesAt(loaded)) return await this.#leave();
      this.#carryOut({ type: "wake" });
    } catch (error) {
      console.error("run: alarm failed", error);
      // Memory may be ahead of the disk. An abort would fail this handler, which is not called for ever.
      this.#loaded = undefined;
      await this.ctx.storage.setAlarm(Date.now() + TIMING.patienceMs);
    }
  }

  #find(id: RunId): Loaded {
    const loaded = this.#load();
    if (loaded?.stored.id === id) return loaded;
    throw new GleitzeitError("not_found", `there is no run ${id}`);
  }

  #load(): Loaded | undefined {
    if (this.#loaded !== undefined) return this.#loaded;
    const bytes = this.#storage.readDefinition();
    if (bytes === undefined) return undefined;
    const stored = parseStored(bytes);
    const run = makeRun(stored);
    let happenedAt = stored.createdAt;
    for (const row of this.#storage.readJournal(0)) {
      for (const event of row.events) apply(run, event, row.at);
      happenedAt = row.at;
    }
    this.#kept = this.#storage.readLeases();
    restoreLeases(run, this.#kept, Date.now());
    const { history } = settingsOf(this.env);
    // Of one that goes on it is not noted what history has: it is asked when that has had its time.
    const askedAt = hasEnded(run.state.status) ? undefined : Date.now();
    const projection = new Projection(this.#storage.readProjected(history), happenedAt, askedAt);
    this.#loaded = { run, stored, read: this.#read, projection };
    this.#askWhoIsThere(run);
    return this.#loaded;
  }

  /** Where an object was loaded anew, its executors may be gone too: who says so at once need not be waited for. */
  #askWhoIsThere(run: Run): void {
    for (const [session, { attempts }] of run.live.sessions) {
      if (attempts.size > 0) this.#effects.push({ session, drop: [], follow: false });
    }
  }

  #lose(session: string): void {
    if (this.#loaded?.run.live.sessions.has(session)) this.#execute({ type: "gone", session });
  }

  /** What ended long ago, and is kept by history, leaves nothing behind. */
  async #leave(): Promise<void> {
    this.#loaded = undefined;
    await this.#storage.remove();
  }

  #leavesAt({ run, projection }: Loaded): number {
    const { state } = run;
    if (!("at" in state)) return Number.POSITIVE_INFINITY;
    return projection.leavesAt(run.seq, state.at, settingsOf(this.env).retention);
  }

  #startOnce(definition: Uint8Array, waitMs: number): { loaded: Loaded; replayed: boolean } {
    const asked = parseStored(definition);
    const known = this.#load();
    if (known !== undefined) return { loaded: sameStart(known, asked), replayed: true };
    const projection = new Projection({ revision: 0, isKept: false }, asked.createdAt);
    const loaded = { run: makeRun(asked), stored: asked, read: this.#read, projection };
    this.#loaded = loaded;
    if (waitMs === 0) this.#effects.answerFirst();
    this.#execute({ type: "start", actor: asked.actor }, () => this.#storage.create(definition));
    return { loaded, replayed: false };
  }

  #execute(command: Command, saveFirst?: () => void): Decision {
    try {
      return this.#carryOut(command, saveFirst);
    } catch (error) {
      this.#startOver(error);
      throw error;
    }
  }

  #carryOut(command: Command, saveFirst: () => void = () => {}): Decision {
    const loaded = this.#load() ?? unreachable();
    const { run } = loaded;
    const now = Date.now();
    const firstSeq = run.seq + 1;
    const decision = decide(run, command, { now, read: this.#read });
    this.#storage.transact(() => {
      saveFirst();
      this.#save(decision, firstSeq, now);
      this.#keepLeases(run);
    });
    this.#perform(loaded, decision, now);
    return decision;
  }

  /** Memory may be ahead of the disk: begin again from the disk. */
  #startOver(error: unknown): void {
    this.ctx.abort(error instanceof Error ? error.message : "save failed");
  }

  #save({ events, results }: Decision, seq: number, at: number): void {
    if (events.length > 0) this.#storage.append({ seq, at, events }, results);
  }

  #keepLeases(run: Run): void {
    const leases = leasesToKeep(run);
    const isSame = JSON.stringify(leases) === JSON.stringify(this.#kept);
    if (!isSame) this.#storage.writeLeases(leases);
    this.#kept = leases;
  }

  #perform(loaded: Loaded, { events, pushes }: Decision, now: number): void {
    const { run, projection } = loaded;
    this.#effects.invite(run, now);
    for (const push of pushes) this.#effects.push(push);
    if (events.length > 0) {
      projection.happened(now);
      this.#tell(run, events);
    }
    run.live.followed = this.#watch.isFollowed;
    this.#project(loaded);
  }

  #tell(run: Run, events: RunEvent[]): void {
    for (const event of events) {
      if ("taskId" in event && event.type !== "task.queued") this.#watch.forget(event.taskId);
    }
    this.#watch.advance();
    if (hasEnded(run.state.status)) for (const finish of this.#waiting) finish();
  }

  #project(loaded: Loaded): void {
    const { run, projection } = loaded;
    if (projection.isDue(run.seq, Date.now())) this.#effects.askForProjection(run.definition.id);
    const leavesAt = this.#leavesAt(loaded);
    if (Number.isFinite(leavesAt)) return this.#rest(loaded, leavesAt);
    // The earliest of all duties: after a load it is not known when the alarm is set for.
    this.#effects.wakeBy(Math.min(nextDue(run), projection.overdueAt));
  }

  /** All is done but to leave, which is noted with the alarm for it: rows that are written together cost one save. */
  #rest({ projection }: Loaded, leavesAt: number): void {
    if (!this.#effects.wakeAt(leavesAt)) return;
    this.#storage.markProjected(settingsOf(this.env).history, projection.acknowledged);
  }

  #askForTokens(run: Run): void {
    run.live.followed = true;
    for (const session of run.live.sessions.keys()) this.#effects.push({ session, drop: [], follow: true });
  }

  async #viewAfter(loaded: Loaded, waitMs: number): Promise<View> {
    if (waitMs > 0 && !hasEnded(loaded.run.state.status)) await this.#waitForEnd(waitMs);
    return answerView(loaded);
  }

  readonly #read = (taskId: string, attempt: number): Json => this.#storage.readResult(taskId, attempt);

  #readJournal(afterSeq: number): Generator<JournalEntry> {
    return entriesOf(this.#storage.readJournal(afterSeq), this.#loaded?.stored.id ?? "", afterSeq);
  }

  #isOver(seq: number): boolean {
    const run = this.#load()?.run;
    return run === undefined || isOverAt(run, seq);
  }

  #waitForEnd(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        this.#waiting.delete(finish);
        resolve();
      };
      const timer = setTimeout(finish, waitMs);
      this.#waiting.add(finish);
    });
  }
}

/** The same key must mean the same request. */
function sameStart(known: Loaded, asked: Stored): Loaded {
  if (known.stored.digest === asked.digest) return known;
  throw new GleitzeitError(
    "idempotency_key_reused",
    "this Idempotency-Key was used for another body; use a new key for a new run",
  );
}

function unreachable(): never {
  throw new Error("this object is no run");
}
