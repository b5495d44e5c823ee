/**
 * Cursors of lists: the last id that was seen, wrapped so that nobody builds on what is inside.
 * A place in the order of ids, not a count of rows: it holds while runs come and go.
 */
import { GleitzeitError } from "../contract/error.ts";
import { type RunId, runId } from "../contract/id.ts";

/** The characters of an id never make the `+`, `/` or `=` in which base64 and base64url differ. */
export function encodeCursor(lastId: RunId): string {
  return btoa(lastId);
}

/** The id in a cursor that a client sent; throws `invalid_request` on what no list gave out. */
export function parseCursor(cursor: string): RunId {
  const parsed = runId.safeParse(decodeBase64(cursor));
  if (parsed.success && encodeCursor(parsed.data) === cursor) return parsed.data;
  throw new GleitzeitError(
    "invalid_request",
    'cursor: not one that a list gave out; pass the "nextCursor" of the page before, or leave it out',
    { details: { parameter: "cursor" } },
  );
}

function decodeBase64(text: string): string | undefined {
  try {
    return atob(text);
  } catch {
    return undefined;
  }
}
