/** The outer part of a large value: as much of it as can be looked at closely. */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { setOwn } from "./strings.ts";
import { hasMoreValues } from "./value-depth.ts";

/** `isCut`: true for what ends in the trimmed value before it does in the whole one. */
export type Trimmed = { value: Json; isCut: (part: Json) => boolean };

/** A smaller value comes back as it is; of a larger one so many values, the outermost first. */
export function trim(value: Json, most: number): Trimmed {
  if (!hasMoreValues(value, most)) return { value, isCut: () => false };
  const state: State = { left: most, open: [], cut: new Set() };
  const trimmed = begin(value, state);
  // The list grows while it is walked.
  for (const part of state.open) fill(part, state);
  return { value: trimmed, isCut: (part) => state.cut.has(part) };
}

type Part = { from: Json; to: Json };
/** `open`: copies that are still empty. */
type State = { left: number; open: Part[]; cut: Set<Json> };

function begin(from: Json, { open }: State): Json {
  if (from === null || typeof from !== "object") return from;
  const to: Json = Array.isArray(from) ? [] : {};
  open.push({ from, to });
  return to;
}

function fill({ from, to }: Part, state: State): void {
  if (Array.isArray(from) && Array.isArray(to)) {
    for (const item of from.slice(0, take(from.length, to, state))) to.push(begin(item, state));
  } else if (isJsonObject(from) && isJsonObject(to)) {
    fillFields(from, to, state);
  }
}

function fillFields(from: JsonObject, to: JsonObject, state: State): void {
  const keys = Object.keys(from);
  for (const key of keys.slice(0, take(keys.length, to, state))) {
    setOwn(to, key, begin(from[key] ?? null, state));
  }
}

/** How many of them can still be taken: no more than half of what is left, for what is inside them. */
function take(count: number, to: Json, state: State): number {
  const taken = Math.min(count, Math.ceil(state.left / 2));
  state.left -= taken;
  if (taken < count) state.cut.add(to);
  return taken;
}
