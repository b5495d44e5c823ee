/** Pages of what is in memory anyway, in the order of a key. The cursor is the last key: it holds while items come and go. */
import * as z from "zod";
import { issueAt, RequestError } from "./problem.ts";

type Page<Item> = { items: Item[]; nextCursor: string | null };

/** `keyOf` of the items ascends. */
export function pageOf<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  { limit, cursor }: { limit: number; cursor?: string | undefined },
): Page<Item> {
  const after = cursor === undefined ? undefined : parseCursor(cursor);
  const rest = after === undefined ? items : items.filter((item) => keyOf(item) > after);
  const page = rest.slice(0, limit);
  const last = rest.length > limit ? page.at(-1) : undefined;
  return { items: page, nextCursor: last === undefined ? null : encodeCursor(keyOf(last)) };
}

/** The characters of names never make the `+` or `/` in which base64 and base64url differ. */
const encodeCursor = (key: string): string => btoa(key).replace(/=+$/, "");

const key = z.base64url().transform((text) => atob(text));

function parseCursor(cursor: string): string {
  const parsed = key.safeParse(cursor);
  if (parsed.success && encodeCursor(parsed.data) === cursor) return parsed.data;
  const message =
    'cursor: not one that a list gave out; pass the "nextCursor" of the page before, or leave it out';
  throw new RequestError("invalid_request", message, [issueAt("cursor", message)]);
}
