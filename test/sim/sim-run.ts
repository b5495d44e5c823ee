/** A run's object: storage that lasts, memory that does not, and the real engine between them. */
import type { Command } from "../../src/contract/command.ts";
import type { RunEvent } from "../../src/contract/event.ts";
import { decodeJson, type Json } from "../../src/contract/json.ts";
import { TIMING } from "../../src/contract/limits.ts";
import { hasEnded, type RunStatus } from "../../src/contract/run.ts";
import type { AttemptRef, Push, SlotAnswer, SyncAnswer, SyncRequest } from "../../src/contract/sync.ts";
import { apply } from "../../src/engine/apply.ts";
import type { Decision, decide } from "../../src/engine/decide.ts";
import type { nextDue } from "../../src/engine/due.ts";
import { countInvitations, invited } from "../../src/engine/invite.ts";
import { type KeptLeases, leasesToKeep, restoreLeases } from "../../src/engine/lease.ts";
import { answerSlot } from "../../src/engine/offers.ts";
import { type Definition, makeRun, type Run, taskOf } from "../../src/engine/run.ts";
import { type Projected, Projection, type Retention } from "../../src/run/projection.ts";
import type { Journal } from "./journal.ts";
import { Crash, type World } from "./world.ts";

/** The engine, or one with a bug put in by hand. */
export type Engine = { decide: typeof decide; nextDue: typeof nextDue };

export type Effects = {
  invite(slot: number): void;
  /** `gone`: there is no such session any more. */
  push(push: Push, gone: () => void): void;
  /** History is asked to fetch the run. */
  askForProjection(): void;
  /** The sweep would wake the run. */
  isWatched(): boolean;
  /** History has this revision of it. */
  isKept(revision: number): boolean;
  /** The hub knows that the run waits for a slot of this lane, or keeps one for it. */
  isNoted(lane: string): boolean;
};

const JUMP_MS = 60_000;
/** How long a run stays after its end: some of them leave while the world is still looking. */
const LEAVES_SOON_MS = 300_000;
const KEPT_MS = 90 * 86_400_000;
const SILENT_MOST_MS = 100_000;
/** When the platform lets go of an object that does nothing. */
const IDLE_MS = 9_000;

export class SimRun {
  readonly definition: Definition;
  readonly #retention: Retention;
  readonly #world: World;
  readonly #engine: Engine;
  readonly #journal: Journal;
  readonly #effects: Effects;
  // Lasts
  readonly #rows: { at: number; events: RunEvent[] }[] = [];
  readonly #results = new Map<string, Uint8Array>();
  #projected: Projected = { revision: 0, isKept: false };
  #isGone = false;
  #alarmAt = Number.POSITIVE_INFINITY;
  readonly #spoke = new Map<string, number>();
  #hasJumped = false;
  #hasLostAlarm = false;
  #kept: KeptLeases = {};
  // Does not
  #memory: { run: Run; projection: Projection } | undefined;
  #usedAt = 0;
  #clockOff = 0;
  #slot = 0;

  constructor(world: World, engine: Engine, journal: Journal, definition: Definition, effects: Effects) {
    this.#retention = {
      objectMs: world.chance.is(0.3) ? LEAVES_SOON_MS : KEPT_MS,
      historyMs: KEPT_MS,
    };
    this.#world = world;
    this.#engine = engine;
    this.#journal = journal;
    this.definition = definition;
    this.#effects = effects;
  }

  get status(): Run["state"]["status"] {
    return this.#load().run.state.status;
  }

  get generation(): number {
    return this.#load().run.generation;
  }

  /** It has ended, history has it, and its time is over: nothing is left of it here. */
  get isGone(): boolean {
    return this.#isGone;
  }

  get revision(): number {
    return this.#load().run.seq;
  }

  /** What history is to keep. */
  project(): { revision: number; status: RunStatus } | undefined {
    if (this.#isGone) return undefined;
    const { run } = this.#load();
    return { revision: run.seq, status: run.state.status };
  }

  projected(revision: number): void {
    if (this.#isGone) return;
    const { run, projection } = this.#load();
    projection.acknowledge({ revision, isKept: true });
    this.#project(run, projection);
  }

  wake(): void {
    if (!this.#isGone) this.execute({ type: "wake" });
  }

  sync(request: SyncRequest): SyncAnswer {
    if (this.#isGone) return { work: [], drop: request.holding, follow: false, more: false };
    this.#spoke.set(request.session, this.#world.now);
    const { answer } = this.execute({ type: "sync", request });
    if (answer === undefined) throw new Error("a sync has no answer");
    return answer;
  }

  /** The live attempts that this session was given. */
  given(session: string): AttemptRef[] {
    const { run } = this.#load();
    return [...(run.live.sessions.get(session)?.attempts ?? [])].map((taskId) => ({
      taskId,
      attempt: taskOf(run, taskId).attempts.length,
    }));
  }

  slot(lane: string, isKept: boolean): SlotAnswer {
    if (this.#isGone) return { isWanted: false };
    const answer = answerSlot(this.#load().run, lane);
    const waits = isKept && answer.next !== undefined;
    this.execute({ type: "slot", lane, isKept: isKept && answer.isWanted, waits });
    return answer;
  }

  /** Load → decide → save → perform, with a fault between any two. */
  execute(command: Command): Decision {
    const world = this.#world;
    // An object that nobody used for a while is not there any more, with faults or without.
    if (world.fault("evicted") || world.now - this.#usedAt > IDLE_MS) this.#memory = undefined;
    this.#usedAt = world.now;
    if (world.fault("clockJumps")) {
      this.#clockOff += world.chance.between(-JUMP_MS, JUMP_MS);
      this.#hasJumped = true;
    }
    const { run, projection } = this.#load();
    if (world.isFaultless) this.#requireNoted(run);
    const decision = this.#decide(run, command);
    if (world.fault("crashBeforeSave")) this.#crash();
    this.#save(decision);
    this.#kept = leasesToKeep(run);
    if (world.fault("crashAfterSave")) this.#crash();
    this.#perform(run, projection, decision);
    this.#journal.afterCommand(run, this.#alarmAt);
    if (!this.#hasJumped && !this.#hasLostAlarm) this.#requireNoticed(run);
    return decision;
  }

  resultOf(taskId: string, attempt: number): Json {
    const bytes = this.#results.get(`${taskId}#${attempt}`);
    if (bytes === undefined) throw new Error(`no result of ${taskId}#${attempt}`);
    return decodeJson(bytes);
  }

  /** Where nothing goes wrong, time alone never has to open a lane: whoever is parked waits at the hub. */
  #requireNoted(run: Run): void {
    for (const [lane, { parkedUntil, kept, members }] of run.live.ready) {
      const isOver = parkedUntil > 0 && this.#now >= parkedUntil && kept === 0 && members.size > 0;
      if (isOver && !this.#effects.isNoted(lane)) throw new Error(`broken: ${lane} is parked and forgotten`);
    }
  }

  /** Silence is noticed, however often the object was loaded meanwhile: a lease, and one more that a load may grant. */
  #requireNoticed(run: Run): void {
    for (const [name, { attempts }] of run.live.sessions) {
      const silentMs = this.#world.now - (this.#spoke.get(name) ?? this.#world.now);
      if (attempts.size > 0 && silentMs > SILENT_MOST_MS)
        throw new Error(`broken: ${name} is silent for ${silentMs} ms`);
    }
  }

  get #now(): number {
    // No clock begins at zero: a jump back must not lead below it.
    return this.#world.now + 1_000_000_000 + this.#clockOff;
  }

  /** A bug in the engine must not look like a crash of the object. */
  #decide(run: Run, command: Command): Decision {
    return this.#engine.decide(run, command, {
      now: this.#now,
      read: (taskId, attempt) => this.resultOf(taskId, attempt),
    });
  }

  #load(): { run: Run; projection: Projection } {
    if (this.#memory !== undefined) return this.#memory;
    const run = makeRun(this.definition);
    for (const { at, events } of this.#rows) for (const event of events) apply(run, event, at);
    restoreLeases(run, this.#kept, this.#now);
    const happenedAt = this.#rows.at(-1)?.at ?? this.definition.createdAt;
    const askedAt = hasEnded(run.state.status) ? undefined : this.#now;
    const projection = new Projection(this.#projected, happenedAt, askedAt);
    this.#memory = { run, projection };
    for (const [session, { attempts }] of run.live.sessions) {
      if (attempts.size > 0) this.#push({ session, drop: [], follow: false });
    }
    return this.#memory;
  }

  #push(push: Push): void {
    const { session } = push;
    this.#effects.push(push, () => {
      if (this.#memory?.run.live.sessions.has(session)) this.execute({ type: "gone", session });
    });
  }

  #save({ events, results }: Decision): void {
    if (events.length === 0) return;
    this.#rows.push({ at: this.#now, events });
    for (const event of events) {
      this.#journal.add(event);
      const bytes = event.type === "task.completed" ? results.get(event.taskId) : undefined;
      if (event.type !== "task.completed") continue;
      if (bytes === undefined) throw new Error(`${event.taskId} completed without a result`);
      this.#results.set(`${event.taskId}#${event.attempt}`, bytes);
    }
  }

  #leave(run: Run): void {
    if (!this.#effects.isKept(run.seq)) throw new Error("broken: a run leaves that history does not have");
    this.#isGone = true;
  }

  #crash(): never {
    this.#memory = undefined;
    // A platform that lost its object wakes it by the alarm it has, which lasts.
    throw new Crash("the run's object died");
  }

  #perform(run: Run, projection: Projection, { events, pushes }: Decision): void {
    const count = countInvitations(run);
    invited(run, count, this.#now);
    for (let index = 0; index < count; index++) this.#effects.invite(this.#slot++);
    for (const push of pushes) this.#push(push);
    if (events.length > 0) projection.happened(this.#now);
    this.#project(run, projection);
  }

  #project(run: Run, projection: Projection): void {
    if (projection.isDue(run.seq, this.#now)) this.#effects.askForProjection();
    const leavesAt = this.#leavesAt(run, projection);
    if (leavesAt < Number.POSITIVE_INFINITY) {
      this.#projected = projection.acknowledged;
      return this.#setAlarm(leavesAt);
    }
    this.#wakeBy(Math.min(this.#engine.nextDue(run), projection.overdueAt));
  }

  #leavesAt({ state, seq }: Run, projection: Projection): number {
    return "at" in state ? projection.leavesAt(seq, state.at, this.#retention) : Number.POSITIVE_INFINITY;
  }

  /** It moves earlier alone; one that should have rung some time ago was lost. */
  #wakeBy(due: number): void {
    const isSet = due >= this.#alarmAt && this.#alarmAt > this.#now - TIMING.alarmLateMs;
    if (!isSet && due !== Number.POSITIVE_INFINITY) this.#setAlarm(due);
  }

  #setAlarm(due: number): void {
    if (due === this.#alarmAt) return;
    this.#alarmAt = due;
    if (this.#effects.isWatched() && this.#world.fault("alarmLost")) {
      this.#hasLostAlarm = true;
      return;
    }
    this.#world.after(Math.max(1, due - this.#now), () => this.#ring(due));
  }

  #ring(due: number): void {
    if (this.#alarmAt !== due) return;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    try {
      const { run, projection } = this.#load();
      if (this.#now >= this.#leavesAt(run, projection)) return this.#leave(run);
      this.execute({ type: "wake" });
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      // Alarms are at least once: the platform rings again.
      this.#alarmAt = due;
      this.#world.after(this.#world.chance.between(100, 2000), () => this.#ring(due));
    }
  }
}
