/** Which runs go on and were not heard of for long: the sweep asks, and those that are given are not given again soon. */
import { inArray, type SQL, sql } from "drizzle-orm";
import type { Database } from "./sql.ts";
import { runs } from "./tables.ts";

type Silent = { before: number; limit: number };

export const selectSilent = (database: Database, silent: Silent) =>
  database.select({ id: sql<string>`id` }).from(sql`(${silentIds(silent)})`);

export const touch = (database: Database, silent: Silent, now: number) =>
  database
    .update(runs)
    .set({ seenAt: now })
    .where(inArray(runs.id, sql`(${silentIds(silent)})`));

/**
 * Looks at all that go on: they are entries of an index, some hundred in a page of it, and who must not be forgotten may
 * be any of them. The index is used only where its condition stands in the query to the letter.
 */
function silentIds({ before, limit }: Silent): SQL {
  return sql`select id from runs
    where status in ('pending', 'running') and status <> 'completed' and seen_at < ${before}
    order by seen_at, id limit ${limit}`;
}
