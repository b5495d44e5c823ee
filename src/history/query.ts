/** The one query of lists, for any SQLite that drizzle speaks to: filters, the order, where to go on. */
import { and, desc, eq, gte, lt, type SQL, sql } from "drizzle-orm";
import type { BaseSQLiteDatabase, SQLiteColumn } from "drizzle-orm/sqlite-core";
import { GleitzeitError } from "../contract/error.ts";
import { makeRunId } from "../contract/id.ts";
import type { RunStatus } from "../contract/run.ts";
import { parseCursor } from "./cursor.ts";
import type { RunFilter, RunPage } from "./run-history.ts";
import { runs, runTags } from "./tables.ts";

// An id's time and `createdAt` are the same clock's; so much is allowed for where they are not.
const ID_TIME_SLACK_MS = 60_000;

/** Asks for `limit + 1` rows: the last one only tells that there is a further page. */
export function selectRuns(
  database: BaseSQLiteDatabase<"async" | "sync", unknown>,
  filter: RunFilter,
  page: RunPage,
) {
  const listed = database.select({ id: runs.id, summary: runs.summary }).from(runs);
  const most = page.limit + 1;
  if (filter.tag === undefined) {
    return listed
      .where(conditions(filter, page, runs.id))
      .orderBy(desc(runs.id))
      .limit(most);
  }
  // Down the key of the tags instead, looking up each run.
  return listed
    .innerJoin(runTags, eq(runTags.runId, runs.id))
    .where(conditions(filter, page, runTags.runId))
    .orderBy(desc(runTags.runId))
    .limit(most);
}

function conditions(filter: RunFilter, page: RunPage, id: SQLiteColumn): SQL | undefined {
  const { status, workflow, tag, since, until } = filter;
  return and(
    page.cursor === undefined ? undefined : lt(id, parseCursor(page.cursor)),
    status === undefined ? undefined : hasStatus(status),
    workflow === undefined ? undefined : eq(runs.workflow, workflow),
    tag === undefined ? undefined : and(eq(runTags.key, tag.key), eq(runTags.value, tag.value)),
    since === undefined ? undefined : isSince(id, parseTime("since", since)),
    until === undefined ? undefined : isUntil(id, parseTime("until", until)),
  );
}

/** The partial index is used only where its condition stands in the query to the letter, not as a bound value. */
function hasStatus(status: RunStatus): SQL | undefined {
  const isStatus = eq(runs.status, status);
  return status === "completed" ? isStatus : and(isStatus, sql`${runs.status} <> 'completed'`);
}

/** The bound on the id is what makes it a range of the key instead of a scan. */
function isSince(id: SQLiteColumn, time: number): SQL | undefined {
  return and(gte(runs.createdAt, time), gte(id, firstIdAt(time - ID_TIME_SLACK_MS)));
}

function isUntil(id: SQLiteColumn, time: number): SQL | undefined {
  return and(lt(runs.createdAt, time), lt(id, firstIdAt(time + ID_TIME_SLACK_MS)));
}

function firstIdAt(time: number): string {
  return makeRunId(Math.max(0, time), new Uint8Array(10));
}

function parseTime(name: "since" | "until", text: string): number {
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw new GleitzeitError(
    "invalid_request",
    `${name}: ${JSON.stringify(text)} is not a time; write it as 2026-01-31T09:00:00Z`,
    { details: { parameter: name } },
  );
}
