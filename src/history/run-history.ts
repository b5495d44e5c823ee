/**
 * History: what is listed and searched, a projection of what the runs' own objects hold; and of ended runs all there is
 * to know, so that it can answer when their objects are gone. Nothing depends on it being up: a run starts, goes on, ends
 * and is read without it.
 *
 * Three backends are one thing behind this type and pass one suite (test/history/suite.ts).
 */
import type { RunId } from "../contract/id.ts";
import type { RunStatus, RunSummary } from "../contract/run.ts";

/**
 * What one run sends to history. `revision` is its event count: a later one replaces an earlier one, never the reverse.
 * `record` is JSON in UTF-8, of a run that has ended: see run/record.ts. History does not look into it. Empty where the run
 * goes on, or has more than history takes; then its object keeps it.
 */
export type Projection = { revision: number; summary: RunSummary; record: Uint8Array };

/** All of these at once. `since` is included, `until` is not; both are RFC 3339 and compared with `createdAt`. */
export type RunFilter = {
  status?: RunStatus | undefined;
  workflow?: string | undefined;
  tag?: { key: string; value: string } | undefined;
  since?: string | undefined;
  until?: string | undefined;
};

export type RunPage = { limit: number; cursor?: string | undefined };

/** A page may be short, or empty, and have a next one: so many rows are looked at for each, and no more. */
export type ListedRuns = {
  items: RunSummary[];
  nextCursor: string | null;
  /** What the page may lack, and why. */
  notice?: string;
};

export type RunCounts = Record<RunStatus, number>;

/** One version of one run. */
export type RunVersion = { id: RunId; revision: number };

export type RunHistory = {
  /**
   * All of the batch or nothing. Idempotent by (run, revision), so a batch may be sent again, whole or in part. Runs that
   * are still one of the `replaced` versions are removed first: the batch may have the same one otherwise.
   */
  write(batch: readonly Projection[], replaced?: readonly RunVersion[]): Promise<void>;
  /** Newest first. Runs that arrive between two pages neither push others out nor make them appear twice. */
  list(filter: RunFilter, page: RunPage): Promise<ListedRuns>;
  /** Exactly what was written last. */
  read(id: RunId): Promise<Projection | undefined>;
  /** How many runs there are of each status; does not look at them. */
  count(): Promise<RunCounts>;
  /**
   * Runs that are pending or running and were last written, or asked for here, before `before` (ms since 1970); those
   * that are given count as asked for at `now`. Oldest first.
   */
  takeSilent(before: number, now: number, limit: number): Promise<RunId[]>;
  /** Removes what ended before `before` (ms since 1970), with all that belongs to it; says how many. Oldest first. */
  prune(before: number, limit: number): Promise<number>;
  /** Runs in the order of ids, after one or from the first: `LIMITS.historyBatchRuns` and `historyBatchBytes` at most. */
  page(after: RunId | undefined): Promise<Projection[]>;
  /** Removes those that are still of that revision. */
  remove(versions: readonly RunVersion[]): Promise<void>;
};
