/** Values against JSON Schemas: params and results of protocols, arguments of tools. */
import { type OutputUnit, type Schema, Validator } from "@cfworker/json-schema";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { type Broken, type Settled, settleChoices } from "./schema-choice.ts";
import { explainViolation } from "./schema-message.ts";
import type { Place } from "./strings.ts";
import { trim } from "./trim.ts";
import { schemaFor } from "./without-patterns.ts";

/** `path` leads into the value; `keyword` is the rule of the schema that it breaks. */
export type Violation = { path: Place; keyword: string; message: string };

export type SchemaCheck = {
  /** What the value is called in messages: `params`, `result`. */
  name: string;
  /** True for a text that will become something else before it is used: nothing is said about it yet. */
  isOpen?: (text: string) => boolean;
};

/**
 * All that is wrong with the value, in the schema's order; empty when it is right. Of a large value only the outer part
 * is looked at (`checkedValues`).
 *
 * @example
 * checkAgainstSchema({ properties: { a: { type: "number" } } }, { a: "1" }, { name: "params" });
 * // [{ path: ["a"], keyword: "type", message: 'params.a must be a number, not the string "1"' }]
 */
export function checkAgainstSchema(schema: JsonObject, whole: Json, check: SchemaCheck): Violation[] {
  const { value, isCut } = trim(whole, LIMITS.checkedValues);
  const errors = validate(schemaFor(schema, value), value);
  if (typeof errors === "string") return [{ path: [], keyword: "schema", message: errors }];
  const doubts: Doubts = { isOpen: check.isOpen, isCut };
  const broken = errors.slice(0, MOST).map((error, index): Broken => {
    // `false` comes without its place in the schema: that is in the error before it.
    const { keywordLocation } = (error.keyword === "false" ? errors[index - 1] : error) ?? error;
    const path = placeOf(error.instanceLocation, value);
    return {
      ...error,
      keywordLocation,
      path,
      isCertain: isCertain(error.keyword, valueAt(value, path), doubts),
    };
  });
  return settleChoices(broken).map((settled) =>
    violationOf(settled, { schema, value: whole, name: check.name }),
  );
}

type About = { schema: JsonObject; value: Json; name: string };

/** Errors looked at; a value with more of them is wrong enough. */
const MOST = 1000;
const validators = new WeakMap<JsonObject, Validator>();

/** Tools and registered protocols bring schemas of their own: one that cannot be used is said so, not thrown. */
function validate(schema: JsonObject, value: Json): OutputUnit[] | string {
  try {
    const known = validators.get(schema);
    // The validator writes into the schema it is given.
    const validator = known ?? new Validator(structuredClone<Schema>(schema), "2020-12", false);
    validators.set(schema, validator);
    return validator.validate(value).errors;
  } catch (thrown) {
    return `the schema cannot be used: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

function placeOf(pointer: string, value: Json): Place {
  let at: Json | undefined = value;
  return pointer
    .split("/")
    .slice(1)
    .map((part) => {
      const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
      const isItem = Array.isArray(at);
      at = Array.isArray(at) ? at[Number(key)] : isJsonObject(at) ? ownValue(at, key) : undefined;
      return isItem ? Number(key) : key;
    });
}

/** Errors that only say that something inside is wrong; that is in the list as well. */
const WRAPPERS = new Set([
  "properties",
  "patternProperties",
  "additionalProperties",
  "unevaluatedProperties",
  "propertyNames",
  "items",
  "prefixItems",
  "additionalItems",
  "unevaluatedItems",
  "$ref",
  "allOf",
  "if",
  "dependentSchemas",
  "dependencies",
]);
/** About a list or object as a whole, these may come out otherwise once a text inside it has changed. */
const OPEN_INSIDE = new Set([
  "enum",
  "const",
  "not",
  "uniqueItems",
  "contains",
  "minContains",
  "maxContains",
  "oneOf",
]);

/** Of what was cut this alone is sure: what it is, and what it has too much. */
const CERTAIN_OF_CUT = new Set(["type", "false", "maxItems", "maxProperties"]);

type Doubts = { isOpen: SchemaCheck["isOpen"]; isCut: (part: Json) => boolean };

function isCertain(keyword: string, at: Json | undefined, doubts: Doubts): boolean {
  if (WRAPPERS.has(keyword)) return false;
  if (at === undefined) return true;
  if (typeof at === "string") return doubts.isOpen?.(at) !== true;
  if (doubts.isCut(at)) return CERTAIN_OF_CUT.has(keyword);
  return !OPEN_INSIDE.has(keyword) || !isDoubtful(at, doubts);
}

/** Whether anything in it may yet come out otherwise. */
function isDoubtful(value: Json, doubts: Doubts): boolean {
  if (typeof value === "string") return doubts.isOpen?.(value) === true;
  if (doubts.isCut(value)) return true;
  if (Array.isArray(value)) return value.some((item) => isDoubtful(item, doubts));
  return isJsonObject(value) && Object.values(value).some((item) => isDoubtful(item, doubts));
}

function violationOf({ error, alternatives }: Settled, about: About): Violation {
  const value = valueAt(about.value, error.path);
  const message = explainViolation({ ...about, error, value, alternatives });
  return {
    path: error.path,
    keyword: error.keyword === "false" ? "additionalProperties" : error.keyword,
    message,
  };
}

function valueAt(value: Json, path: Place): Json | undefined {
  let at: Json | undefined = value;
  for (const key of path) {
    if (Array.isArray(at)) at = at[Number(key)];
    else at = isJsonObject(at) ? ownValue(at, String(key)) : undefined;
  }
  return at;
}
