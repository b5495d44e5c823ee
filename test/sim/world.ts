/** One thread, one clock, one seed: everything that happens is an entry of this agenda. */
import { type Heap, makeHeap } from "../../src/engine/heap.ts";
import { type Chance, makeChance } from "./chance.ts";

/** What can go wrong, each with its probability; all are zero once `faultsEndAt` has come. */
export type Faults = {
  /** Of each message: lost, delivered twice, delivered late. */
  messageLost: number;
  messageDoubled: number;
  messageLate: number;
  /** Of each call between objects: not delivered, or carried out and the answer lost. */
  callLost: number;
  answerLost: number;
  /** Of each command of a run: evicted before it, crashed before the save, crashed after it. */
  evicted: number;
  crashBeforeSave: number;
  crashAfterSave: number;
  /** Of each answer: its executor dies, with all it holds. The hub forgets everything. */
  executorDies: number;
  hubForgets: number;
  /** Of each instance: down for a part of the time. */
  instanceDown: number;
  /** Of each write of history: the database does not take it, nor then what stands in for it. */
  databaseFails: number;
  /** Of each alarm of a run that the sweep would wake: it never rings. */
  alarmLost: number;
  /** Of each command: the run's clock jumps by up to a minute, forward or back. */
  clockJumps: number;
};

export const NO_FAULTS: Faults = {
  messageLost: 0,
  messageDoubled: 0,
  messageLate: 0,
  callLost: 0,
  answerLost: 0,
  evicted: 0,
  crashBeforeSave: 0,
  crashAfterSave: 0,
  executorDies: 0,
  hubForgets: 0,
  instanceDown: 0,
  databaseFails: 0,
  alarmLost: 0,
  clockJumps: 0,
};

type Entry = { at: number; order: number; happen: () => void };

export class World {
  now = 0;
  readonly chance: Chance;
  readonly #agenda: Heap<Entry>;
  readonly #faults: Faults;
  readonly #faultsEndAt: number;
  #order = 0;

  constructor(seed: number, faults: Faults, faultsEndAt: number) {
    this.chance = makeChance(seed);
    this.#faults = faults;
    this.#faultsEndAt = faultsEndAt;
    this.#agenda = makeHeap((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order));
  }

  get isFaultless(): boolean {
    return Object.values(this.#faults).every((probability) => probability === 0);
  }

  /** Whether this fault happens now. */
  fault(name: keyof Faults): boolean {
    return this.now < this.#faultsEndAt && this.chance.is(this.#faults[name]);
  }

  after(delayMs: number, happen: () => void): void {
    this.#agenda.push({ at: this.now + delayMs, order: this.#order++, happen });
  }

  /** A call to another object: `carryOut` there, then exactly one of the others here. */
  call<Answer>(carryOut: () => Answer, answered: (answer: Answer) => void, failed: () => void): void {
    const { chance } = this;
    this.after(chance.between(0, 3), () => {
      if (this.fault("callLost")) return this.after(chance.between(0, 500), failed);
      let answer: Answer;
      try {
        answer = carryOut();
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
        return this.after(chance.between(0, 50), failed);
      }
      if (this.fault("answerLost")) return this.after(chance.between(0, 500), failed);
      this.after(chance.between(0, 3), () => answered(answer));
    });
  }

  /** A queue message: at least once in production, at most once here, and in no order. */
  send(deliver: () => void): void {
    if (this.fault("messageLost")) return;
    const delay = () =>
      this.fault("messageLate") ? this.chance.between(100, 20_000) : this.chance.between(1, 5);
    this.after(delay(), deliver);
    if (this.fault("messageDoubled")) this.after(delay(), deliver);
  }

  /** Lets things happen until `isOver`, or nothing is left to happen. Gives the number of steps. */
  run(isOver: () => boolean, stepsMost: number): number {
    for (let steps = 0; ; steps++) {
      if (isOver()) return steps;
      const entry = this.#agenda.pop();
      if (entry === undefined) throw new Error("nothing will happen any more, and it is not over");
      if (steps > stepsMost) throw new Error(`not over after ${stepsMost} steps, at ${this.now} ms`);
      this.now = entry.at;
      entry.happen();
    }
  }
}

/** An object died under a call. */
export class Crash extends Error {}
