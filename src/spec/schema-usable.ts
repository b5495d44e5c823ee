/** Whether a schema that somebody brings along can be used: well formed, its references lead somewhere, and it ends. */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { explainPattern } from "./pattern.ts";
import { type Finding, formatPlace, type ProblemCode, quoteName } from "./problems.ts";
import { checkAgainstSchema } from "./schema.ts";
import {
  ALONE,
  BY_NAME,
  IN_PLACE,
  IN_PLACE_LISTS,
  LISTS,
  SCHEMA_OF_SCHEMAS,
  UNSUPPORTED,
} from "./schema-rules.ts";
import type { Place } from "./strings.ts";
import { hasMoreValues } from "./value-depth.ts";

/** `name` begins each message and each place: `params`. */
export function* checkSchema(schema: JsonObject, name: string): Generator<Finding> {
  // Of a larger one the validator would look at a part only.
  if (hasMoreValues(schema, LIMITS.checkedValues)) {
    const most = `${LIMITS.checkedValues} values, a key counted as four`;
    return yield problem("too_large", [name], `${name} has more than ${most}: say less, or split the method`);
  }
  const violations = checkAgainstSchema(SCHEMA_OF_SCHEMAS, schema, { name });
  for (const { path, message } of violations) yield problem("invalid_schema", [name, ...path], message);
  // What is no schema at all cannot be looked through.
  if (violations.length > 0) return;
  const parts = new Map([...partsOf(schema, [])].map((part) => [pointerOf(part.at), part]));
  for (const { schema: part, at } of parts.values()) {
    yield* checkPatterns(part, [name, ...at]);
    yield* checkNames(part, [name, ...at], parts);
  }
  const endless = findEndless(parts);
  if (endless === undefined) return;
  const at = [name, ...endless.at];
  yield problem(
    "invalid_schema",
    at,
    `${formatPlace(at)} refers to itself without end, or to too many others`,
  );
}

/** What is wrong first with a schema that comes with each call; found once, as long as the schema is kept. */
export function explainSchema(schema: JsonObject, name: string): string | undefined {
  const known = verdicts.get(schema);
  if (known !== undefined) return known.fault;
  const fault = checkSchema(schema, name).next().value?.message;
  verdicts.set(schema, { fault });
  return fault;
}

const verdicts = new WeakMap<JsonObject, { fault: string | undefined }>();

type Part = { schema: JsonObject; at: Place };
/** By JSON pointer. */
type Parts = ReadonlyMap<string, Part>;

/** The schema and all within it. `true` and `false` are schemas as well, of which there is nothing to say. */
function* partsOf(schema: Json | undefined, at: Place): Generator<Part> {
  if (!isJsonObject(schema)) return;
  yield { schema, at };
  for (const [key, value] of Object.entries(schema)) {
    if (ALONE.includes(key)) yield* partsOf(value, [...at, key]);
    if (LISTS.includes(key) && Array.isArray(value)) {
      for (const [index, one] of value.entries()) yield* partsOf(one, [...at, key, index]);
    }
    if (BY_NAME.includes(key) && isJsonObject(value)) {
      for (const [one, child] of Object.entries(value)) yield* partsOf(child, [...at, key, one]);
    }
  }
}

function* checkPatterns({ pattern, patternProperties }: JsonObject, at: Place): Generator<Finding> {
  if (typeof pattern === "string") yield* checkPattern(pattern, [...at, "pattern"]);
  if (!isJsonObject(patternProperties)) return;
  for (const key of Object.keys(patternProperties))
    yield* checkPattern(key, [...at, "patternProperties", key]);
}

function* checkPattern(pattern: string, at: Place): Generator<Finding> {
  const fault = explainPattern(pattern);
  if (fault === undefined) return;
  const code = fault.isUnsafe ? "unsafe_pattern" : "invalid_schema";
  yield problem(code, at, `${formatPlace(at)} ${fault.message}`);
}

function* checkNames(schema: JsonObject, at: Place, parts: Parts): Generator<Finding> {
  for (const key of UNSUPPORTED) {
    if (Object.hasOwn(schema, key)) yield said([...at, key], 'is not supported: use "$ref": "#/$defs/…"');
  }
  if (Object.hasOwn(schema, "$id") && at.length > 1) {
    yield said([...at, "$id"], "is not supported inside a schema: remove it");
  }
  const { $ref } = schema;
  if (typeof $ref === "string" && targetOf($ref, parts) === undefined) {
    const what = `${quoteName($ref)} leads to no schema of this one: only "#" and "#/…" are looked up`;
    yield said([...at, "$ref"], what);
  }
}

function said(at: Place, what: string): Finding {
  return problem("invalid_schema", at, `${formatPlace(at)} ${what}`);
}

/** `height`: how many are applied one within the other; `count`: how many in all, each as often as it is met. */
type Work = { height: number; count: number };
const ENDLESS: Work = { height: Infinity, count: Infinity };

/**
 * A part that is applied to the same value again while it is applied, or only after too many others, or with too many:
 * the validator would not come back. The work of each part is measured once.
 */
function findEndless(parts: Parts): Part | undefined {
  const works = new Map<JsonObject, Work>();
  const measure = (part: Part, depth: number): Work => {
    const known = works.get(part.schema);
    if (known !== undefined || depth > LIMITS.depth) return known ?? ENDLESS;
    // As long as it is open: who meets it again has come full circle.
    works.set(part.schema, ENDLESS);
    const below = appliedWith(part, parts).map((one) => measure(one, depth + 1));
    const work = {
      height: 1 + Math.max(0, ...below.map(({ height }) => height)),
      count: below.reduce((sum, { count }) => sum + count, 1),
    };
    works.set(part.schema, work);
    return work;
  };
  return [...parts.values()].find((part) => {
    const { height, count } = measure(part, 1);
    return height > LIMITS.depth || count > LIMITS.checkedValues;
  });
}

/** The parts that see the same value as this one. */
function appliedWith({ schema, at }: Part, parts: Parts): Part[] {
  const { $ref, dependentSchemas } = schema;
  const places: Place[] = IN_PLACE.map((key) => [...at, key]);
  for (const key of IN_PLACE_LISTS) {
    const list = schema[key];
    if (Array.isArray(list)) places.push(...list.map((_, index) => [...at, key, index]));
  }
  if (isJsonObject(dependentSchemas)) {
    places.push(...Object.keys(dependentSchemas).map((key) => [...at, "dependentSchemas", key]));
  }
  const target = typeof $ref === "string" ? targetOf($ref, parts) : undefined;
  const inside = places.flatMap((place) => parts.get(pointerOf(place)) ?? []);
  return target === undefined ? inside : [...inside, target];
}

function targetOf(ref: string, parts: Parts): Part | undefined {
  if (ref !== "#" && !ref.startsWith("#/")) return undefined;
  try {
    return parts.get(decodeURIComponent(ref.slice(1)));
  } catch {
    return undefined; // "%" that is no escape
  }
}

/** RFC 6901 */
function pointerOf(at: Place): string {
  return at.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

function problem(code: ProblemCode, at: Place, message: string): Finding {
  return { code, at, message };
}
