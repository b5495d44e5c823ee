/** Runs leave history with all that belongs to them: their tags, the parts of their records, their share of the counts. */
import { inArray, type SQL, sql } from "drizzle-orm";
import { hasEnded, RUN_STATUSES } from "../contract/run.ts";
import { countRemoved } from "./counts.ts";
import { firstIdAfter } from "./id-time.ts";
import type { RunVersion } from "./run-history.ts";
import type { Database, Statement } from "./sql.ts";
import { runRecords, runs, runTags } from "./tables.ts";

const ENDED = JSON.stringify(RUN_STATUSES.filter(hasEnded));

/**
 * What ended before `before`, going up the key: as far as runs were made before then, and so many at most. It passes over
 * those that are paused for years, however many they are.
 */
export function selectEnded(database: Database, before: number, limit: number) {
  return database
    .select({ id: runs.id, revision: runs.revision })
    .from(runs)
    .where(
      sql`id < ${firstIdAfter(before)} and finished_at < ${before}
        and status in (select value from json_each(${ENDED}))`,
    )
    .orderBy(runs.id)
    .limit(limit);
}

/** In this order: what belongs to a run is found by its row. The last one gives the ids of those that were there. */
export function removeStatements(database: Database, versions: readonly RunVersion[]) {
  const ids = idsOf(versions);
  const removed = database.delete(runs).where(inArray(runs.id, ids)).returning({ id: runs.id });
  return [
    countRemoved(database, ids),
    deleteTags(database, ids),
    database.delete(runRecords).where(inArray(runRecords.runId, ids)),
    removed,
  ] as const;
}

/** Those that are still of the revision. */
function idsOf(versions: readonly RunVersion[]): SQL {
  const pairs = JSON.stringify(versions.map(({ id, revision }) => [id, revision]));
  return sql`(select runs.id from json_each(${pairs}) as version cross join runs
    on runs.id = version.value ->> 0 and runs.revision = version.value ->> 1)`;
}

/** By their whole key, which only the summary knows: the table has no index by run. */
function deleteTags(database: Database, ids: SQL): Statement {
  return database.delete(runTags).where(
    sql`(key, value, run_id) in (select tag.key, tag.value, runs.id
      from runs cross join json_each(runs.summary, '$.tags') as tag where runs.id in ${ids})`,
  );
}
