/** How deep a JSON value is nested and how much is in it, measured without recursion. */
import type { Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { type Place, placeOf, takeChild, type Visit, visitOf } from "./visit.ts";

/** A key of an object takes as long as so many items of a list. */
const KEY_COST = 4;

/** The first limit that is exceeded; `at` is the list or object that is too deep. */
export type Excess = { kind: "too_deep"; at: Place } | { kind: "too_many" };

/** `values`: an item of a list is one, a key of an object four, at all depths together. */
export function findExcess(value: Json, most: { levels: number; values: number }): Excess | undefined {
  let count = 0;
  const stack: Visit[] = [visitOf(value)];
  for (let visit = stack.at(-1); visit !== undefined; visit = stack.at(-1)) {
    const child = takeChild(visit);
    if (child === undefined) {
      stack.pop();
      continue;
    }
    count += visit.list === undefined ? KEY_COST : 1;
    if (count > most.values) return { kind: "too_many" };
    if (child === null || typeof child !== "object") continue;
    if (stack.length >= most.levels) return { kind: "too_deep", at: placeOf(visit) };
    stack.push(visitOf(child, visit));
  }
  return undefined;
}

/** Where lists and objects in each other go beyond the limit, if they do: what recurses must not see such a value. */
export function findTooDeep(value: Json, most: number = LIMITS.depth): Place | undefined {
  const excess = findExcess(value, { levels: most, values: Number.POSITIVE_INFINITY });
  return excess?.kind === "too_deep" ? excess.at : undefined;
}

export function hasMoreValues(value: Json, most: number): boolean {
  return findExcess(value, { levels: Number.POSITIVE_INFINITY, values: most }) !== undefined;
}
