/** How deep a JSON value is nested, measured without recursion. */
import type { Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Place } from "./strings.ts";

/** Where lists and objects in each other go beyond the limit, if they do: what recurses must not see such a value. */
export function findTooDeep(value: Json, most: number = LIMITS.depth): Place | undefined {
  const stack: Visit[] = [{ value, depth: 1 }];
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    if (visit.value === null || typeof visit.value !== "object") continue;
    if (visit.depth > most) return placeOf(visit);
    const isList = Array.isArray(visit.value);
    for (const [key, child] of Object.entries(visit.value)) {
      if (child === null || typeof child !== "object") continue;
      stack.push({ value: child, depth: visit.depth + 1, key: isList ? Number(key) : key, parent: visit });
    }
  }
  return undefined;
}

type Visit = { value: Json; depth: number; key?: string | number; parent?: Visit };

function placeOf(visit: Visit): Place {
  const place: Place = [];
  for (let at: Visit | undefined = visit; at?.key !== undefined; at = at.parent) place.push(at.key);
  return place.reverse();
}
