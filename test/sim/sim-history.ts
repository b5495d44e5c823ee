/**
 * History: its queue and consumer, a database that fails, what waits meanwhile, and the sweep. How far a run is written
 * is kept by the real src/run/projection.ts; here is what stands on the other side.
 */
import { CAPACITY, TIMING } from "../../src/contract/limits.ts";
import { hasEnded, type RunStatus } from "../../src/contract/run.ts";
import type { SimRun } from "./sim-run.ts";
import type { World } from "./world.ts";

type Row = { revision: number; status: RunStatus; seenAt: number };

const RETRY_MS = 5_000;
const RETRIES = 10;
const SWEEP_MS = 60_000;

export class SimHistory {
  readonly #world: World;
  readonly #find: (runId: string) => SimRun;
  readonly #rows = new Map<string, Row>();
  readonly #waiting = new Map<string, Row>();

  constructor(world: World, find: (runId: string) => SimRun) {
    this.#world = world;
    this.#find = find;
    this.#sweep();
  }

  /** The run has changed: a message, which may get lost, come late, or twice. */
  ask(runId: string): void {
    this.#world.after(TIMING.projectionDelayMs, () => this.#world.send(() => this.#fetch(runId, 0)));
  }

  /** Whether lists have exactly this, and nothing waits. */
  has(runId: string, revision: number): boolean {
    return this.#rows.get(runId)?.revision === revision && this.#waiting.size === 0;
  }

  /** Whether it is written somewhere. */
  keeps(runId: string, revision: number): boolean {
    return [this.#rows, this.#waiting].some((rows) => (rows.get(runId)?.revision ?? 0) >= revision);
  }

  /** Whether the sweep would wake the run, if nobody else did. */
  isWatched(runId: string): boolean {
    return isGoingOn(this.#rows.get(runId));
  }

  #fetch(runId: string, tries: number): void {
    const again = () => {
      if (tries < RETRIES) this.#world.after(RETRY_MS, () => this.#fetch(runId, tries + 1));
    };
    const run = this.#find(runId);
    this.#world.call(
      () => run.project(),
      (projected) => {
        if (projected === undefined) return;
        if (!this.#write(runId, { ...projected, seenAt: this.#world.now })) return again();
        this.#world.call(() => run.projected(projected.revision), nothing, nothing);
      },
      again,
    );
  }

  #write(runId: string, row: Row): boolean {
    if (!this.#world.fault("databaseFails")) return keepLatest(this.#rows, runId, row);
    if (this.#world.fault("databaseFails")) return false;
    if (this.#waiting.size === 0) this.#world.after(TIMING.drainMs, () => this.#drain());
    return keepLatest(this.#waiting, runId, row);
  }

  /** One of those that wait; it may be written and not removed. */
  #drain(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [runId, row] = first;
    if (!this.#world.fault("databaseFails")) {
      keepLatest(this.#rows, runId, row);
      if (!this.#world.fault("databaseFails")) this.#waiting.delete(runId);
    }
    this.#world.after(TIMING.drainMs, () => this.#drain());
  }

  #sweep(): void {
    const silent = [...this.#rows].filter(
      ([, row]) => isGoingOn(row) && row.seenAt <= this.#world.now - TIMING.silentMs,
    );
    for (const [runId, row] of silent.slice(0, CAPACITY.sweptSilent)) {
      row.seenAt = this.#world.now;
      this.#world.call(() => this.#find(runId).wake(), nothing, nothing);
    }
    this.#world.after(SWEEP_MS, () => this.#sweep());
  }
}

const isGoingOn = (row: Row | undefined): boolean =>
  row !== undefined && row.status !== "paused" && !hasEnded(row.status);

const nothing = (): void => {};

function keepLatest(rows: Map<string, Row>, runId: string, row: Row): true {
  const known = rows.get(runId);
  if (known === undefined || row.revision > known.revision) rows.set(runId, row);
  return true;
}
