/**
 * The strings of a JSON value: where they stand, and the value with each of them replaced.
 * Neither recurses, so a value may be as deep as memory allows.
 */
import type { Json, JsonObject } from "../contract/json.ts";
import { type Place, placeOf, takeChild, type Visit, visitOf } from "./visit.ts";

export type { Place } from "./visit.ts";
/** `at` is to be asked before the next one is taken. */
export type StringSite = { text: string; at: () => Place };

/** Every string that is a value (keys are not), in the order of the document. */
export function* stringsOf(value: Json): Generator<StringSite> {
  if (typeof value === "string") yield { text: value, at: () => [] };
  const stack: Visit[] = [visitOf(value)];
  for (let visit = stack.at(-1); visit !== undefined; visit = stack.at(-1)) {
    const here = visit;
    const child = takeChild(here);
    if (child === undefined) stack.pop();
    else if (typeof child === "string") yield { text: child, at: () => placeOf(here) };
    else if (child !== null && typeof child === "object") stack.push(visitOf(child, here));
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

type Copy = { isList: true; from: Json[]; to: Json[] } | { isList: false; from: JsonObject; to: JsonObject };

function begin(value: Json, replace: (text: string) => Json, copies: Copy[]): Json {
  if (typeof value === "string") return replace(value);
  if (value === null || typeof value !== "object") return value;
  const copy: Copy = Array.isArray(value)
    ? { isList: true, from: value, to: [] }
    : { isList: false, from: value, to: {} };
  copies.push(copy);
  return copy.to;
}

function fill(copy: Copy, replace: (text: string) => Json, copies: Copy[]): void {
  if (copy.isList) {
    for (const item of copy.from) copy.to.push(begin(item, replace, copies));
  } else {
    for (const key of Object.keys(copy.from))
      setOwn(copy.to, key, begin(copy.from[key] ?? null, replace, copies));
  }
}
