/** Ids begin with the time, so a time is a place in their order: what makes a filter by times a range of the key. */
import { makeRunId, type RunId } from "../contract/id.ts";

// An id's time and `createdAt` are the same clock's; so much is allowed for where they are not.
const SLACK_MS = 60_000;
// An id has 50 bits for the time.
const LAST_MS = 2 ** 50 - 1;

/** No run made at this time or later has an id below this one. */
export function firstIdAt(time: number): RunId {
  return idAt(time - SLACK_MS);
}

/** All runs made before this time have ids below this one. */
export function firstIdAfter(time: number): RunId {
  return idAt(time + SLACK_MS);
}

function idAt(time: number): RunId {
  return makeRunId(Math.min(Math.max(0, time), LAST_MS), new Uint8Array(10));
}
