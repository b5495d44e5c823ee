/** A run's object: storage that lasts, memory that does not, and the real engine between them. */
import type { Command } from "../../src/contract/command.ts";
import type { RunEvent } from "../../src/contract/event.ts";
import { decodeJson, type Json } from "../../src/contract/json.ts";
import type { AttemptRef, Push, SlotAnswer, SyncAnswer, SyncRequest } from "../../src/contract/sync.ts";
import { apply } from "../../src/engine/apply.ts";
import type { Decision, decide } from "../../src/engine/decide.ts";
import type { nextDue } from "../../src/engine/due.ts";
import { countInvitations, invited } from "../../src/engine/invite.ts";
import { type KeptLeases, leasesToKeep, restoreLeases } from "../../src/engine/lease.ts";
import { answerSlot } from "../../src/engine/offers.ts";
import { type Definition, makeRun, type Run, taskOf } from "../../src/engine/run.ts";
import type { Journal } from "./journal.ts";
import { Crash, type World } from "./world.ts";

/** The engine, or one with a bug put in by hand. */
export type Engine = { decide: typeof decide; nextDue: typeof nextDue };

export type Effects = {
  invite(slot: number): void;
  push(push: Push): void;
  /** The hub knows that the run waits for a slot of this lane, or keeps one for it. */
  isNoted(lane: string): boolean;
};

const JUMP_MS = 60_000;
const SILENT_MOST_MS = 100_000;
/** When the platform lets go of an object that does nothing. */
const IDLE_MS = 9_000;

export class SimRun {
  readonly definition: Definition;
  readonly #world: World;
  readonly #engine: Engine;
  readonly #journal: Journal;
  readonly #effects: Effects;
  // Lasts
  readonly #rows: { at: number; events: RunEvent[] }[] = [];
  readonly #results = new Map<string, Uint8Array>();
  #alarmAt = Number.POSITIVE_INFINITY;
  readonly #spoke = new Map<string, number>();
  #hasJumped = false;
  #kept: KeptLeases = {};
  // Does not
  #memory: Run | undefined;
  #usedAt = 0;
  #clockOff = 0;
  #slot = 0;

  constructor(world: World, engine: Engine, journal: Journal, definition: Definition, effects: Effects) {
    this.#world = world;
    this.#engine = engine;
    this.#journal = journal;
    this.definition = definition;
    this.#effects = effects;
  }

  get status(): Run["state"]["status"] {
    return this.#load().state.status;
  }

  get generation(): number {
    return this.#load().generation;
  }

  sync(request: SyncRequest): SyncAnswer {
    this.#spoke.set(request.session, this.#world.now);
    const { answer } = this.execute({ type: "sync", request });
    if (answer === undefined) throw new Error("a sync has no answer");
    return answer;
  }

  /** The live attempts that this session was given. */
  given(session: string): AttemptRef[] {
    const run = this.#load();
    return [...(run.live.sessions.get(session)?.attempts ?? [])].map((taskId) => ({
      taskId,
      attempt: taskOf(run, taskId).attempts.length,
    }));
  }

  slot(lane: string, isKept: boolean): SlotAnswer {
    const answer = answerSlot(this.#load(), lane);
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
    const run = this.#load();
    if (world.isFaultless) this.#requireNoted(run);
    const decision = this.#decide(run, command);
    if (world.fault("crashBeforeSave")) this.#crash();
    this.#save(decision);
    this.#kept = leasesToKeep(run);
    if (world.fault("crashAfterSave")) this.#crash();
    this.#perform(run, decision);
    this.#journal.afterCommand(run, this.#alarmAt);
    if (!this.#hasJumped) this.#requireNoticed(run);
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

  #load(): Run {
    if (this.#memory !== undefined) return this.#memory;
    const run = makeRun(this.definition);
    for (const { at, events } of this.#rows) for (const event of events) apply(run, event, at);
    restoreLeases(run, this.#kept, this.#now);
    this.#memory = run;
    return run;
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

  #crash(): never {
    this.#memory = undefined;
    // A platform that lost its object wakes it by the alarm it has, which lasts.
    throw new Crash("the run's object died");
  }

  #perform(run: Run, { pushes }: Decision): void {
    const count = countInvitations(run);
    invited(run, count, this.#now);
    for (let index = 0; index < count; index++) this.#effects.invite(this.#slot++);
    for (const push of pushes) this.#effects.push(push);
    this.#setAlarm(this.#engine.nextDue(run));
  }

  /** It only ever moves earlier. */
  #setAlarm(due: number): void {
    if (due >= this.#alarmAt) return;
    this.#alarmAt = due;
    this.#world.after(Math.max(1, due - this.#now), () => this.#ring(due));
  }

  #ring(due: number): void {
    if (this.#alarmAt !== due) return;
    this.#alarmAt = Number.POSITIVE_INFINITY;
    try {
      this.execute({ type: "wake" });
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      // Alarms are at least once: the platform rings again.
      this.#alarmAt = due;
      this.#world.after(this.#world.chance.between(100, 2000), () => this.#ring(due));
    }
  }
}
