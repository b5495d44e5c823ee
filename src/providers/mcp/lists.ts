/** Lists of tools, resources and prompts, page after page to their end. */
import { encodeJson, isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { LIMITS } from "../../contract/limits.ts";
import { junkAnswer, tooLarge } from "../failure.ts";
import type { Reach } from "../provider.ts";
import { askServer } from "./server.ts";

export type Listed = "tools" | "resources" | "prompts";

// A list that goes on for ever ends here.
const PAGES = 100;

/** As MCP gives it; a list with more items than are known by name keeps the `nextCursor` at which it was left. */
export async function listAll(reach: Reach, key: Listed): Promise<JsonObject> {
  const items: Json[] = [];
  let bytes = 0;
  let page = await listPage(reach, key);
  const first = page;
  for (let pages = 1; ; pages++) {
    const more = itemsIn(reach, page, key);
    items.push(...more);
    bytes += encodeJson(more).length;
    if (bytes > LIMITS.resultBytes) throw tooLarge(reach, LIMITS.resultBytes);
    const next = page["nextCursor"];
    const isAll = typeof next !== "string" || next === "";
    if (isAll || pages >= PAGES || items.length >= LIMITS.instanceTools) break;
    page = await listPage(reach, key, next);
  }
  const { nextCursor: _, ...rest } = first;
  const { nextCursor = null } = page;
  return { ...rest, [key]: items, ...(nextCursor === null ? {} : { nextCursor }) };
}

export function listPage(reach: Reach, key: Listed, cursor?: string): Promise<JsonObject> {
  return askServer(reach, { method: `${key}/list`, params: cursor === undefined ? {} : { cursor } });
}

function itemsIn(reach: Reach, page: JsonObject, key: Listed): JsonObject[] {
  const items = page[key];
  if (!Array.isArray(items)) throw junkAnswer(reach, `a list of ${key}`, JSON.stringify(page));
  return items.filter(isJsonObject);
}
