/**
 * The statements that bring projections into the tables, for any SQLite that drizzle speaks to. In one transaction and in
 * this order: the guards are in the SQL, since two consumers may write the same run at once, and in either order.
 */
import { and, inArray, ne, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import type { BaseSQLiteDatabase } from "drizzle-orm/sqlite-core";
import type { RunSummary } from "../contract/run.ts";
import { cutProjection, type RunRow } from "./document.ts";
import type { Projection } from "./run-history.ts";
import { runDocuments, runs, runTags } from "./tables.ts";

type Database = BaseSQLiteDatabase<"async" | "sync", unknown>;
type Statement = BatchItem<"sqlite">;

export function projectStatements(database: Database, batch: Projection[]): Statement[] {
  const latest = latestOfEach(batch);
  const statements = latest.flatMap((projection) => statementsOf(database, projection));
  const ids = latest.map((projection) => projection.summary.id);
  return ids.length === 0 ? [] : [...statements, deleteOtherParts(database, ids)];
}

/** One projection replaces another, so within a batch only a run's last one is worth its rows. */
function latestOfEach(batch: Projection[]): Projection[] {
  const latest = new Map<string, Projection>();
  for (const projection of batch) {
    const known = latest.get(projection.summary.id);
    if (known === undefined || projection.revision > known.revision) {
      latest.set(projection.summary.id, projection);
    }
  }
  return [...latest.values()];
}

function statementsOf(database: Database, projection: Projection): Statement[] {
  const { row, parts } = cutProjection(projection);
  const statements: Statement[] = [upsertRun(database, row), ...insertTags(database, projection.summary)];
  for (const [index, body] of parts.entries()) {
    const part = { runId: row.id, revision: row.revision, part: index + 1, body };
    statements.push(database.insert(runDocuments).values(part).onConflictDoNothing());
  }
  return statements;
}

/** The workflow and `createdAt` never change, and setting an indexed column is a row even where its value stays. */
function upsertRun(database: Database, row: RunRow): Statement {
  const { revision, status, finishedAt, summary, summaryBytes, document } = row;
  return database
    .insert(runs)
    .values(row)
    .onConflictDoUpdate({
      target: runs.id,
      set: { revision, status, finishedAt, summary, summaryBytes, document },
      setWhere: sql`excluded.revision > ${runs.revision}`,
    });
}

/** One statement for all tags of a run: 50 of them are more values than a statement takes. */
function insertTags(database: Database, { id, tags }: RunSummary): Statement[] {
  const pairs = Object.entries(tags);
  if (pairs.length === 0) return [];
  const rows = sql`select value ->> 0, value ->> 1, ${id} from json_each(${JSON.stringify(pairs)}) where true`;
  return [database.insert(runTags).select(rows).onConflictDoNothing()];
}

/** Parts of the projection that was replaced, or of one that came too late to be taken. */
function deleteOtherParts(database: Database, ids: string[]): Statement {
  const revisionTaken = sql`(select ${runs.revision} from ${runs} where ${runs.id} = ${runDocuments.runId})`;
  return database
    .delete(runDocuments)
    .where(
      and(
        inArray(runDocuments.runId, sql`(select value from json_each(${JSON.stringify(ids)}))`),
        ne(runDocuments.revision, revisionTaken),
      ),
    );
}
