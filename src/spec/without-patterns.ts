/**
 * Patterns are tried by backtracking, which for a few of them takes the square or the cube of the text's length. So they
 * are tried on short texts only; longer ones are held to all else that a schema says.
 */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";

/** The schema to hold this value to: without its patterns where a text is too long for them, or all texts together. */
export function schemaFor(schema: JsonObject, value: Json): JsonObject {
  if (!hasPatterns(schema) || areShort(value)) return schema;
  const known = stripped.get(schema);
  if (known !== undefined) return known;
  const made = stripObject(schema);
  stripped.set(schema, made);
  return made;
}

const TEXT_KEYWORDS = ["pattern", "patternProperties", "format"];
const patterned = new WeakMap<JsonObject, boolean>();
const stripped = new WeakMap<JsonObject, JsonObject>();

function hasPatterns(schema: JsonObject): boolean {
  const known = patterned.get(schema) ?? mentions(schema);
  patterned.set(schema, known);
  return known;
}

/** Also where it is only a property of that name: then the schema is stripped of a little more than need be. */
function mentions(part: Json): boolean {
  if (Array.isArray(part)) return part.some(mentions);
  if (!isJsonObject(part)) return false;
  return Object.entries(part).some(([key, value]) => TEXT_KEYWORDS.includes(key) || mentions(value));
}

function areShort(value: Json): boolean {
  let left: number = LIMITS.patternTotalChars;
  const open = [value];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    if (Array.isArray(part)) for (const item of part) open.push(item);
    else if (isJsonObject(part)) for (const [key, item] of Object.entries(part)) open.push(key, item);
    if (typeof part !== "string") continue;
    left -= part.length;
    if (part.length > LIMITS.patternChars || left < 0) return false;
  }
  return true;
}

/** What rests on a pattern being broken, or on one of several being met, goes with it: nothing may be refused by this. */
const RESTS_ON_PATTERNS = ["not", "if", "then", "else", "oneOf", "contains", "propertyNames"];
/** What is said of the properties that no other keyword speaks of. */
const OF_THE_REST = ["additionalProperties", "unevaluatedProperties"];

function stripObject(schema: JsonObject): JsonObject {
  const kept = Object.entries(schema).filter(([key, value]) => {
    if (TEXT_KEYWORDS.includes(key) && !isJsonObject(value)) return false;
    if (key === "patternProperties") return false;
    if (OF_THE_REST.includes(key) && "patternProperties" in schema) return false;
    return !RESTS_ON_PATTERNS.includes(key) || !mentions(value);
  });
  return Object.fromEntries(kept.map(([key, value]) => [key, strip(value)]));
}

function strip(value: Json): Json {
  if (Array.isArray(value)) return value.map(strip);
  return isJsonObject(value) ? stripObject(value) : value;
}
