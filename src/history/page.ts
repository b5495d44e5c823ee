/** Pages of whole projections, in the order of ids: to copy a history, or to bring it elsewhere. */
import { asc, gt, inArray, type SQL, sql } from "drizzle-orm";
import type { RunId } from "../contract/id.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Database } from "./sql.ts";
import { runRecords, runs } from "./tables.ts";

/** The rows of a page, and the parts of their records in order; of one transaction, or they do not belong together. */
export function selectPage(database: Database, after: RunId | undefined) {
  const ids = idsAfter(after);
  const ofRuns = database
    .select({ id: runs.id, revision: runs.revision, summary: runs.summary, record: runs.record })
    .from(runs)
    .where(inArray(runs.id, ids))
    .orderBy(asc(runs.id));
  const ofParts = database
    .select({ runId: runRecords.runId, body: runRecords.body })
    .from(runRecords)
    .where(inArray(runRecords.runId, ids))
    .orderBy(asc(runRecords.runId), asc(runRecords.part));
  return { ofRuns, ofParts };
}

/** As many as fit, and always one. Sizes are known without reading what is so large. */
function idsAfter(after: RunId | undefined): SQL {
  return sql`(select id from (
      select id, bytes, sum(bytes) over (order by id) as total from (
        select id, octet_length(summary) + record_bytes as bytes from runs
        where ${gt(runs.id, after ?? "")} order by id limit ${LIMITS.historyBatchRuns}
      )
    ) where total <= ${LIMITS.historyBatchBytes} or total = bytes)`;
}
