/** What a list is asked for, parsed: the same for every backend, so that all of them refuse the same. */
import { GleitzeitError } from "../contract/error.ts";
import type { RunId } from "../contract/id.ts";
import { LIMITS } from "../contract/limits.ts";
import { parseCursor } from "./cursor.ts";
import { firstIdAfter, firstIdAt } from "./id-time.ts";
import type { RunFilter, RunPage } from "./run-history.ts";

/** Ids from `firstId` to before `endId` are all there is to look at; `since` and `until` are then exact, in ms. */
export type Asked = {
  limit: number;
  firstId: RunId;
  endId: RunId;
  since: number | undefined;
  until: number | undefined;
};

/** Below and above every id. */
const FIRST_ID = "";
const END_ID = "run~";

/** Throws `invalid_request` for a cursor or a time that is none. */
export function parseAsked(filter: RunFilter, page: RunPage): Asked {
  const since = filter.since === undefined ? undefined : parseTime("since", filter.since);
  const until = filter.until === undefined ? undefined : parseTime("until", filter.until);
  const cursor = page.cursor === undefined ? END_ID : parseCursor(page.cursor);
  const untilId = until === undefined ? END_ID : firstIdAfter(until);
  return {
    limit: Math.min(page.limit, LIMITS.pageItems),
    firstId: since === undefined ? FIRST_ID : firstIdAt(since),
    endId: cursor < untilId ? cursor : untilId,
    since,
    until,
  };
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
