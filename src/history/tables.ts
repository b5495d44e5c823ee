/**
 * The tables of history, for D1 and for a Durable Object alike. Each write is one transaction: runs, what belongs to them,
 * and the counts are never apart.
 * Rows written are the price, an entry of an index is one, so: tables are WITHOUT ROWID (a text key would be an index
 * of its own; drizzle cannot say it, the migration does and a test looks), and there is no index without a query.
 * A run that is written once, completed, costs 2 rows, its own and its workflow's entry, and one per tag; 1 more if it
 * did not complete, 1 more per MiB of its record beyond the first half; its batch 1 for each status whose count changes.
 * Text, not blobs: D1 sends a blob as a list of numbers, which for 1 MiB takes twenty times as long.
 */
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text } from "drizzle-orm/sqlite-core";
import { RUN_STATUSES, type RunSummary } from "../contract/run.ts";

/** A row per run. Ids begin with the time, so the key itself is the order of lists: newest first is id descending. */
export const runs = sqliteTable(
  "runs",
  {
    id: text("id").primaryKey(),
    /** The event count of the projection that is stored here: only a greater one replaces it. */
    revision: integer("revision").notNull(),
    status: text("status", { enum: RUN_STATUSES }).notNull(),
    workflow: text("workflow").notNull(),
    /** In ms since 1970, like `finishedAt`, from which retention counts. */
    createdAt: integer("created_at").notNull(),
    finishedAt: integer("finished_at"),
    /** When this was written, or the run was taken for silent since; by the clock of who did it. */
    seenAt: integer("seen_at").notNull(),
    /** Of the whole record, its parts included. */
    recordBytes: integer("record_bytes").notNull(),
    /** What lists answer. */
    summary: text("summary", { mode: "json" }).$type<RunSummary>().notNull(),
    /** The record's beginning, which for most runs is all of it. Last, so that lists need not read past it. */
    record: text("record").notNull(),
  },
  (table) => [
    // `?status=`, and the sweep for silent runs, which reads `seenAt` without looking the run up. Nearly all runs complete:
    // leaving these out saves their entry, and a list of completed runs finds them by going down the key.
    index("runs_by_status").on(table.status, table.id, table.seenAt).where(sql`status <> 'completed'`),
    // `?workflow=`
    index("runs_by_workflow").on(table.workflow, table.id),
  ],
);

/** `?tag=key:value`, newest first by the key alone. A run's tags are given when it starts and never change. */
export const runTags = sqliteTable(
  "run_tags",
  {
    key: text("key").notNull(),
    value: text("value").notNull(),
    runId: text("run_id").notNull(),
  },
  (table) => [primaryKey({ columns: [table.key, table.value, table.runId] })],
);

/**
 * What of a record did not fit into its row of `runs`, in parts from 1. The revision is in the key, so that parts of
 * two projections never mix; those that are not the row's own are deleted in the transaction that replaces them.
 */
export const runRecords = sqliteTable(
  "run_records",
  {
    runId: text("run_id").notNull(),
    revision: integer("revision").notNull(),
    part: integer("part").notNull(),
    body: text("body").notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.revision, table.part] })],
);

/** How many rows of `runs` have each status. A status that no run ever had is not there. */
export const runCounts = sqliteTable("run_counts", {
  status: text("status", { enum: RUN_STATUSES }).primaryKey(),
  count: integer("count").notNull(),
});
