/**
 * A way through a JSON value without recursion: what is open is a stack of visits, as long as the value is deep, not as
 * it is wide.
 */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";

export type Place = (string | number)[];

/** A list or an object, as far as its children were taken. `keys` are those of an object. */
export type Visit = {
  readonly list: readonly Json[] | undefined;
  readonly fields: JsonObject;
  readonly keys: readonly string[];
  readonly parent: Visit | undefined;
  next: number;
};

const NOTHING: JsonObject = {};
const NO_KEYS: readonly string[] = [];

/** A scalar has no children. */
export function visitOf(value: Json, parent?: Visit): Visit {
  const list = Array.isArray(value) ? value : undefined;
  const fields = isJsonObject(value) ? value : NOTHING;
  // Not Object.values: of an object with many keys that takes twice as long.
  return { list, fields, keys: list === undefined ? Object.keys(fields) : NO_KEYS, parent, next: 0 };
}

/** The next child; undefined after the last. */
export function takeChild(visit: Visit): Json | undefined {
  const { list, fields, keys } = visit;
  const at = visit.next++;
  if (list !== undefined) return at < list.length ? (list[at] ?? null) : undefined;
  const key = keys[at];
  return key === undefined ? undefined : (fields[key] ?? null);
}

/** Where the child stands that was taken last. */
export function placeOf(visit: Visit): Place {
  const place: Place = [];
  for (let at: Visit | undefined = visit; at !== undefined; at = at.parent) {
    place.push(at.list === undefined ? (at.keys[at.next - 1] ?? "") : at.next - 1);
  }
  return place.reverse();
}
