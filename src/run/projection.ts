/** How far has history this run: asked, answered, overdue; and when the object may let go of what history keeps. */
import { TIMING } from "../contract/limits.ts";

/** What history has said that it has: up to which event, and whether that is all there is of the run, for good. */
export type Projected = { revision: number; isKept: boolean };
/** How long what ended is kept. */
export type Retention = { objectMs: number; historyMs: number };

export class Projection {
  #acknowledged: Projected;
  /** When the run's last event happened. Patience grows with its age, which survives the object's memory; a count of questions would not. */
  #happenedAt: number;
  /** History was asked to fetch the run, and has not answered. */
  #askedAt: number | undefined;
  /** That it was asked is only supposed. */
  #isSupposed: boolean;

  /** `askedAt`: history may have been asked, and may have answered, before the object was loaded anew. */
  constructor(acknowledged: Projected, happenedAt: number, askedAt?: number) {
    this.#acknowledged = acknowledged;
    this.#happenedAt = happenedAt;
    this.#askedAt = askedAt;
    this.#isSupposed = askedAt !== undefined;
  }

  /** What history has. */
  get acknowledged(): Projected {
    return this.#acknowledged;
  }

  happened(at: number): void {
    this.#happenedAt = at;
    if (this.#isSupposed) this.#askedAt = undefined;
    this.#isSupposed = false;
  }

  /** History lacks events and is not being waited for: it is to be asked, and counts as asked now. */
  isDue(seq: number, now: number): boolean {
    const isWaited = this.#askedAt !== undefined && now < this.overdueAt;
    if (seq <= this.#acknowledged.revision || isWaited) return false;
    this.#askedAt = now;
    this.#isSupposed = false;
    return true;
  }

  acknowledge(projected: Projected): void {
    if (projected.revision < this.#acknowledged.revision) return;
    this.#acknowledged = projected;
    this.#askedAt = undefined;
  }

  /** When a run that has ended at this event leaves its object. What history lacks stays until it has it. */
  leavesAt(seq: number, endedAt: number, { objectMs, historyMs }: Retention): number {
    const { revision, isKept } = this.#acknowledged;
    if (revision < seq) return Number.POSITIVE_INFINITY;
    return endedAt + (isKept ? Math.min(objectMs, historyMs) : historyMs);
  }

  /** When an answer that has not come is given up. */
  get overdueAt(): number {
    if (this.#askedAt === undefined) return Number.POSITIVE_INFINITY;
    const age = this.#askedAt - this.#happenedAt;
    return this.#askedAt + Math.max(TIMING.projectionPatienceMs, age);
  }
}
