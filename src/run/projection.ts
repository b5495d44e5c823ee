/** How far history has this run: asked, answered, overdue. */
import { TIMING } from "../contract/limits.ts";

export class Projection {
  /** The last event that history has. */
  #acknowledged = 0;
  /** History was asked to fetch the run, and has not answered. */
  #askedAt: number | undefined;

  constructor(acknowledged: number) {
    this.#acknowledged = acknowledged;
  }

  /** Whether history must be asked now: it lacks events, and is not being waited for. Notes that it is. */
  isDue(seq: number, now: number): boolean {
    const isWaited = this.#askedAt !== undefined && now < this.#askedAt + TIMING.projectionPatienceMs;
    if (seq <= this.#acknowledged || isWaited) return false;
    this.#askedAt = now;
    return true;
  }

  acknowledge(revision: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, revision);
    this.#askedAt = undefined;
  }

  /** When an answer that has not come is given up. */
  get overdueAt(): number {
    return this.#askedAt === undefined
      ? Number.POSITIVE_INFINITY
      : this.#askedAt + TIMING.projectionPatienceMs;
  }
}
