/**
 * The statements that bring projections into the tables, for any SQLite that drizzle speaks to. In one transaction and in
 * this order: the guards are in the SQL, since two consumers may write the same run at once, and in either order.
 */
import { and, inArray, ne, sql } from "drizzle-orm";
import type { RunSummary } from "../contract/run.ts";
import { countWritten } from "./counts.ts";
import { cutProjection, type RunRow } from "./rows.ts";
import type { Projection } from "./run-history.ts";
import type { Database, Statement } from "./sql.ts";
import { runRecords, runs, runTags } from "./tables.ts";

/** None for an empty batch. `seenAt` is when they are written. */
export function projectStatements(
  database: Database,
  batch: readonly Projection[],
  seenAt: number,
): Statement[] {
  const latest = latestOfEach(batch);
  if (latest.length === 0) return [];
  const cut = latest.map((projection) => cutProjection(projection, seenAt));
  const rows = cut.map(({ row }) => row);
  return [
    countWritten(database, rows),
    ...rows.map((row) => upsertRun(database, row)),
    ...rows.flatMap(({ summary }) => insertTags(database, summary)),
    ...cut.flatMap(({ row, parts }) =>
      parts.map((body, index) => insertPart(database, row, index + 1, body)),
    ),
    deleteOtherParts(
      database,
      rows.map(({ id }) => id),
    ),
  ];
}

/** One projection replaces another, so within a batch only a run's last one is worth its rows. */
function latestOfEach(batch: readonly Projection[]): Projection[] {
  const latest = new Map<string, Projection>();
  for (const projection of batch) {
    const known = latest.get(projection.summary.id);
    if (known === undefined || projection.revision > known.revision) {
      latest.set(projection.summary.id, projection);
    }
  }
  return [...latest.values()];
}

/** The workflow and `createdAt` never change, and setting an indexed column is a row even where its value stays. */
function upsertRun(database: Database, row: RunRow): Statement {
  const { revision, status, finishedAt, seenAt, recordBytes, summary, record } = row;
  return database
    .insert(runs)
    .values(row)
    .onConflictDoUpdate({
      target: runs.id,
      set: { revision, status, finishedAt, seenAt, recordBytes, summary, record },
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

function insertPart(database: Database, { id, revision }: RunRow, part: number, body: string): Statement {
  return database.insert(runRecords).values({ runId: id, revision, part, body }).onConflictDoNothing();
}

/** Parts of the projection that was replaced, or of one that came too late to be taken. */
function deleteOtherParts(database: Database, ids: string[]): Statement {
  const revisionTaken = sql`(select ${runs.revision} from ${runs} where ${runs.id} = ${runRecords.runId})`;
  return database
    .delete(runRecords)
    .where(
      and(
        inArray(runRecords.runId, sql`(select value from json_each(${JSON.stringify(ids)}))`),
        ne(runRecords.revision, revisionTaken),
      ),
    );
}
