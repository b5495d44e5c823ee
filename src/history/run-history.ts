/**
 * History: what is listed and searched, a projection of what the runs' own objects hold.
 * Nothing depends on it being up: a run starts, goes on, ends and is read without it.
 */
import type { RunStatus, RunSummary } from "../contract/run.ts";

/**
 * What one run sends to history. `revision` is its event count: a later one replaces an earlier one, never the reverse.
 * `document` is JSON in UTF-8, `{omitted, tasks, journal}`, of any size; history does not look into it.
 */
export type Projection = { revision: number; summary: RunSummary; document: Uint8Array };

/** All of these at once. `since` is included, `until` is not; both are RFC 3339 and compared with `createdAt`. */
export type RunFilter = {
  status?: RunStatus | undefined;
  workflow?: string | undefined;
  tag?: { key: string; value: string } | undefined;
  since?: string | undefined;
  until?: string | undefined;
};

export type RunPage = { limit: number; cursor?: string | undefined };

export type RunHistory = {
  /** All of the batch or nothing. Idempotent by (run, revision), so a batch may be sent again, whole or in part. */
  write(batch: Projection[]): Promise<void>;
  /**
   * Newest first. Runs that arrive between two pages neither push others out nor make them appear twice.
   * Inputs above `LIMITS.metadataBytes` are replaced by a note; {@link RunHistory.read} has those of ended runs.
   */
  list(filter: RunFilter, page: RunPage): Promise<{ items: RunSummary[]; nextCursor: string | null }>;
  /** Exactly what was written last. */
  read(runId: string): Promise<{ summary: RunSummary; document: Uint8Array } | undefined>;
};
