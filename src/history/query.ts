/**
 * The one query of lists, for any SQLite that drizzle speaks to.
 *
 * One index serves it: that of the filter which leaves the fewest runs. It gives the candidates, newest first, always as
 * a range; the other filters sieve them. So many are looked at, and no more: a page may be short, or empty, and the next
 * one goes on after the last that was looked at. SQLite runs the inner query as a co-routine, so that a page that fills
 * up earlier looks at no more than it needs.
 */
import { type SQL, sql } from "drizzle-orm";
import { LIMITS } from "../contract/limits.ts";
import type { RunStatus, RunSummary } from "../contract/run.ts";
import { encodeCursor } from "./cursor.ts";
import { parseAsked } from "./filter.ts";
import type { ListedRuns, RunFilter, RunPage } from "./run-history.ts";
import type { Database } from "./sql.ts";
import { runs } from "./tables.ts";

/** `sieve`: what the index does not answer. */
export type ListPlan = { limit: number; candidates: SQL; sieve: SQL[] };

/** `summary` is null where the page has enough bytes without it. */
type ListedRow = { id: string; summary: RunSummary | null };

/** Throws `invalid_request` for a cursor or a time that is none. */
export function planList(filter: RunFilter, page: RunPage): ListPlan {
  const { limit, firstId, endId, since, until } = parseAsked(filter, page);
  const { source, sieve } = sourceOf(filter);
  if (since !== undefined) sieve.push(sql`runs.created_at >= ${since}`);
  if (until !== undefined) sieve.push(sql`runs.created_at < ${until}`);
  const candidates = sql`${source} and id >= ${firstId} and id < ${endId} order by id desc`;
  return { limit, candidates, sieve };
}

/**
 * Asks for `limit + 1` rows: the last one only tells that there is a further page. Nothing but the candidates is sorted,
 * since SQLite would first read all that it then sorts; the cross joins keep their order.
 */
export function selectListed(database: Database, { limit, candidates, sieve }: ListPlan) {
  const found = sql`select runs.id, octet_length(runs.summary) as bytes
    from (${candidates} limit ${LIMITS.scannedRuns}) as candidate cross join runs
    where ${sql.join([sql`runs.id = candidate.id`, ...sieve], sql` and `)} limit ${limit + 1}`;
  const listed = sql`(select id, bytes, sum(bytes) over (rows unbounded preceding) as total from (${found})) as listed`;
  const summary = sql`case when total <= ${LIMITS.pageBytes} or total = bytes then runs.summary end`;
  return database
    .select({
      id: sql<string>`listed.id`.as("id"),
      summary: sql<RunSummary | null>`${summary}`.mapWith(runs.summary).as("summary"),
    })
    .from(sql`${listed} cross join runs`)
    .where(sql`runs.id = listed.id`);
}

/** The last of those looked at, where there may be more. */
export function selectLastCandidate(database: Database, { candidates }: ListPlan) {
  return database
    .select({ id: sql<string>`id` })
    .from(sql`(${candidates} limit 1 offset ${LIMITS.scannedRuns - 1})`);
}

/** That page is as full as it may be; where another one is not, the sieve may have held runs back. */
export function isFull(rows: readonly ListedRow[], { limit }: ListPlan): boolean {
  return rows.length > itemsOf(rows, limit).length;
}

/** `lastLookedAt`: where the next page goes on if this one is not full. */
export function listedRuns(
  rows: readonly ListedRow[],
  plan: ListPlan,
  lastLookedAt?: string | undefined,
): ListedRuns {
  const items = itemsOf(rows, plan.limit);
  const last = isFull(rows, plan) ? items.at(-1)?.id : lastLookedAt;
  return { items, nextCursor: last === undefined ? null : encodeCursor(last) };
}

function itemsOf(rows: readonly ListedRow[], limit: number): RunSummary[] {
  const newestFirst = rows.toSorted((one, other) => (one.id < other.id ? 1 : -1));
  const items: RunSummary[] = [];
  for (const { summary } of newestFirst.slice(0, limit)) {
    if (summary === null) break;
    items.push(summary);
  }
  return items;
}

/** The index for a filter, as a query of ids that ends in its condition. */
function sourceOf({ tag, status, workflow }: RunFilter): { source: SQL; sieve: SQL[] } {
  const ofStatus = status === undefined ? [] : [sql`runs.status = ${status}`];
  const ofWorkflow = workflow === undefined ? [] : [sql`runs.workflow = ${workflow}`];
  if (tag !== undefined) {
    const source = sql`select run_id as id from run_tags where key = ${tag.key} and value = ${tag.value}`;
    return { source, sieve: [...ofStatus, ...ofWorkflow] };
  }
  if (status !== undefined && status !== "completed")
    return { source: withStatus(status), sieve: ofWorkflow };
  if (workflow !== undefined) {
    return { source: sql`select id from runs where workflow = ${workflow}`, sieve: ofStatus };
  }
  return { source: sql`select id from runs where true`, sieve: ofStatus };
}

/** The partial index is used only where its condition stands in the query to the letter, not as a bound value. */
function withStatus(status: RunStatus): SQL {
  return sql`select id from runs where status = ${status} and status <> 'completed'`;
}
