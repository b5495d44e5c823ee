/**
 * How many runs there are of each status, kept beside them: counting rows would look at all of them.
 * Changed before the rows are and in the same transaction, by what is about to change. A batch costs a row for each
 * status whose count it changes, however many runs it has.
 */
import { type SQL, sql } from "drizzle-orm";
import { RUN_STATUSES } from "../contract/run.ts";
import type { RunRow } from "./rows.ts";
import type { RunCounts } from "./run-history.ts";
import type { Database, Statement } from "./sql.ts";
import { runCounts } from "./tables.ts";

/** For rows of as many runs; those that are not newer than what is there will not be taken, and change nothing. */
export function countWritten(database: Database, rows: readonly RunRow[]): Statement {
  const incoming = JSON.stringify(rows.map(({ id, revision, status }) => [id, revision, status]));
  return changeCounts(
    database,
    sql`select value ->> 2 as status, 1 as change
        from json_each(${incoming}) left join runs on runs.id = value ->> 0
        where runs.revision is null or runs.revision < value ->> 1
      union all
      select runs.status, -1
        from json_each(${incoming}) cross join runs on runs.id = value ->> 0
        where runs.revision < value ->> 1`,
  );
}

/** For the ids that a query gives, of runs that will be removed. */
export function countRemoved(database: Database, ids: SQL): Statement {
  return changeCounts(database, sql`select status, -1 as change from runs where id in ${ids}`);
}

export const selectCounts = (database: Database) => database.select().from(runCounts);

/** Every status, those without runs too. */
export function countsOf(rows: readonly (typeof runCounts.$inferSelect)[]): RunCounts {
  const counts = { pending: 0, running: 0, paused: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const status of RUN_STATUSES) counts[status] = rows.find((row) => row.status === status)?.count ?? 0;
  return counts;
}

/** `changes` are rows of (status, change). */
function changeCounts(database: Database, changes: SQL): Statement {
  return database
    .insert(runCounts)
    .select(sql`select status, sum(change) from (${changes}) group by status having sum(change) <> 0`)
    .onConflictDoUpdate({
      target: runCounts.status,
      set: { count: sql`${runCounts.count} + excluded.count` },
    });
}
