/**
 * The tables of history, for D1 and for a Durable Object alike. Written by `write` alone, one transaction a batch.
 * Rows written are the price, an entry of an index is one, so: tables are WITHOUT ROWID (a text key would be an index
 * of its own; drizzle cannot say it, the migration does and a test looks), and there is no index without a query.
 * An ended run costs 2 rows and one per tag; 1 more if it did not complete, 1 more per MiB beyond the first half.
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
    /** What lists answer. */
    summary: text("summary", { mode: "json" }).$type<RunSummary>().notNull(),
    /** Where the inputs were too large for lists: so many bytes of the document, at its start, are the whole summary. */
    summaryBytes: integer("summary_bytes").notNull(),
    /** The document's beginning, which for most runs is all of it. Last, so that lists need not read past it. */
    document: text("document").notNull(),
  },
  (table) => [
    // `?status=`, and the sweep for overdue runs. Nearly all runs complete: leaving these out saves their entry, and a
    // list of completed runs finds them by going down the key.
    index("runs_by_status").on(table.status, table.id).where(sql`status <> 'completed'`),
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
 * What of a document did not fit into its row of `runs`, in parts from 1. The revision is in the key, so that parts of
 * two projections never mix; those that are not the row's own are deleted in the transaction that replaces them.
 */
export const runDocuments = sqliteTable(
  "run_documents",
  {
    runId: text("run_id").notNull(),
    revision: integer("revision").notNull(),
    part: integer("part").notNull(),
    body: text("body").notNull(),
  },
  (table) => [primaryKey({ columns: [table.runId, table.revision, table.part] })],
);
