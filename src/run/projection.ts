/** How far has history this run: asked, answered, overdue, given up. */
import { TIMING } from "../contract/limits.ts";

export class Projection {
  /** The last event that history has. */
  #acknowledged: number;
  /** When the run's last event happened. Patience grows with its age, which survives the object's memory; a count of questions would not. */
  #happenedAt: number;
  /** History was asked to fetch the run, and has not answered. */
  #askedAt: number | undefined;
  #isGivenUp = false;

  constructor(acknowledged: number, happenedAt: number) {
    this.#acknowledged = acknowledged;
    this.#happenedAt = happenedAt;
  }

  /** The run went on: history is worth asking again, however often it has failed. */
  happened(at: number): void {
    this.#happenedAt = at;
    this.#isGivenUp = false;
  }

  /** `ask` where history lacks events and is not being waited for; notes that it is. `give up` is said once. */
  next(seq: number, now: number): "ask" | "wait" | "give up" {
    const isWaited = this.#askedAt !== undefined && now < this.overdueAt;
    if (seq <= this.#acknowledged || isWaited || this.#isGivenUp) return "wait";
    this.#isGivenUp = now > this.#happenedAt + TIMING.projectionGiveUpMs;
    this.#askedAt = this.#isGivenUp ? undefined : now;
    return this.#isGivenUp ? "give up" : "ask";
  }

  acknowledge(revision: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, revision);
    this.#askedAt = undefined;
  }

  /** When an answer that has not come is given up. */
  get overdueAt(): number {
    if (this.#askedAt === undefined) return Number.POSITIVE_INFINITY;
    const age = this.#askedAt - this.#happenedAt;
    return this.#askedAt + Math.max(TIMING.projectionPatienceMs, age);
  }
}
