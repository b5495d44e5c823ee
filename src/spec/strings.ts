/**
 * The strings of a JSON value: where they stand, and the value with each of them replaced.
 * Neither recurses, so a value may be as deep as memory allows.
 */
import type { Json, JsonObject } from "../contract/json.ts";

export type Place = (string | number)[];
export type StringSite = { text: string; at: () => Place };

/** Every string that is a value (keys are not), in the order of the document. */
export function* stringsOf(value: Json): Generator<StringSite> {
  const stack: Visit[] = [{ value }];
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    const here = visit;
    if (typeof here.value === "string") yield { text: here.value, at: () => placeOf(here) };
    else if (Array.isArray(here.value)) pushItems(stack, here.value, here);
    else if (here.value !== null && typeof here.value === "object") pushFields(stack, here.value, here);
  }
}

/** A copy of the value in which each string became what `replace` says; replacements are not looked into. */
export function mapStrings(value: Json, replace: (text: string) => Json): Json {
  const copies: Copy[] = [];
  const root = begin(value, replace, copies);
  for (let copy = copies.pop(); copy !== undefined; copy = copies.pop()) fill(copy, replace, copies);
  return root;
}

/** Sets an own property, also one called `__proto__`, which an assignment would take for the prototype. */
export function setOwn(target: JsonObject, key: string, value: Json): void {
  if (key !== "__proto__") target[key] = value;
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

/** A value still to be looked at. The way to it is a chain of parents: most places are never asked for. */
type Visit = { value: Json; key?: string | number; parent?: Visit };

type Copy = { from: Json[]; to: Json[] } | { from: JsonObject; to: JsonObject };

function pushItems(stack: Visit[], items: Json[], parent: Visit): void {
  for (let index = items.length - 1; index >= 0; index--) {
    stack.push({ value: items[index] ?? null, key: index, parent });
  }
}

function pushFields(stack: Visit[], fields: JsonObject, parent: Visit): void {
  for (const [key, value] of Object.entries(fields).reverse()) stack.push({ value, key, parent });
}

function placeOf(visit: Visit): Place {
  const place: Place = [];
  for (let at: Visit | undefined = visit; at?.key !== undefined; at = at.parent) place.push(at.key);
  return place.reverse();
}

function begin(value: Json, replace: (text: string) => Json, copies: Copy[]): Json {
  if (typeof value === "string") return replace(value);
  if (value === null || typeof value !== "object") return value;
  const copy: Copy = Array.isArray(value) ? { from: value, to: [] } : { from: value, to: {} };
  copies.push(copy);
  return copy.to;
}

function fill(copy: Copy, replace: (text: string) => Json, copies: Copy[]): void {
  if (Array.isArray(copy.to)) {
    for (const item of Object.values(copy.from)) copy.to.push(begin(item, replace, copies));
  } else {
    for (const [key, value] of Object.entries(copy.from)) setOwn(copy.to, key, begin(value, replace, copies));
  }
}
