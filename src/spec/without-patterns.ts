/**
 * Patterns are tried by backtracking, which for a few of them takes the square or the cube of the text's length. So they
 * are tried on short texts only; longer ones are held to all else that a schema says. Nothing may be refused by what is
 * left out.
 */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { ALONE, BY_NAME, LISTS } from "./schema-rules.ts";

/** The schema to hold this value to: without its patterns where a text is too long for them, or all texts together. */
export function schemaFor(schema: JsonObject, value: Json): JsonObject {
  if (!isPatterned(schema) || areShort(value)) return schema;
  const known = stripped.get(schema);
  if (known !== undefined) return known;
  // A reference may lead into what is left out: then nothing is asked.
  const made = some(schema, hasOddReference) ? {} : stripObject(schema);
  stripped.set(schema, made);
  return made;
}

const patterned = new WeakMap<JsonObject, boolean>();
const stripped = new WeakMap<JsonObject, JsonObject>();

function isPatterned(schema: JsonObject): boolean {
  const known = patterned.get(schema) ?? some(schema, hasPattern);
  patterned.set(schema, known);
  return known;
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

/** Whether this holds of the schema or of one within it. Not of names and values that only look like keywords. */
function some(schema: Json, holds: (schema: JsonObject) => boolean): boolean {
  if (!isJsonObject(schema)) return false;
  return (
    holds(schema) ||
    Object.entries(schema).some(([key, value]) => schemasIn(key, value).some((one) => some(one, holds)))
  );
}

function schemasIn(key: string, value: Json): Json[] {
  if (ALONE.includes(key)) return [value];
  if (LISTS.includes(key) && Array.isArray(value)) return value;
  return BY_NAME.includes(key) && isJsonObject(value) ? Object.values(value) : [];
}

const hasPattern = (schema: JsonObject): boolean =>
  typeof schema["pattern"] === "string" ||
  typeof schema["format"] === "string" ||
  "patternProperties" in schema;

const hasOddReference = ({ $ref }: JsonObject): boolean =>
  typeof $ref === "string" && !/^#(\/(\$defs|definitions)\/[^/]+)?$/.test($ref);

/** What is met, or not, by patterns that hold: without them it may come out otherwise. */
const mayChange = (schema: Json | undefined): boolean =>
  schema !== undefined && some(schema, (one) => hasPattern(one) || "$ref" in one);

function stripObject(schema: JsonObject): JsonObject {
  const left = new Set([
    "pattern",
    "format",
    "patternProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
  ]);
  if ("patternProperties" in schema) left.add("additionalProperties");
  for (const key of ["not", "propertyNames"]) if (mayChange(schema[key])) left.add(key);
  const oneOf = schema["oneOf"];
  if (Array.isArray(oneOf) && oneOf.some(mayChange)) left.add("oneOf");
  if (mayChange(schema["if"])) for (const key of ["if", "then", "else"]) left.add(key);
  if (mayChange(schema["contains"]))
    for (const key of ["contains", "minContains", "maxContains"]) left.add(key);
  const kept = Object.entries(schema).filter(([key]) => !left.has(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, stripWithin(key, value)]));
}

const strip = (schema: Json): Json => (isJsonObject(schema) ? stripObject(schema) : schema);

function stripWithin(key: string, value: Json): Json {
  if (ALONE.includes(key)) return strip(value);
  if (LISTS.includes(key) && Array.isArray(value)) return value.map(strip);
  if (!BY_NAME.includes(key) || !isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, strip(one)]));
}
