/** What a JSON Schema itself must look like, as a schema: as far as the validator reads it (2020-12). */
import type { JsonObject } from "../contract/json.ts";

const schema: JsonObject = { $ref: "#" };
const schemas: JsonObject = { type: "array", minItems: 1, items: schema };
const schemasByName: JsonObject = { type: "object", additionalProperties: schema };
const text: JsonObject = { type: "string" };
const texts: JsonObject = { type: "array", items: text };
const number: JsonObject = { type: "number" };
const count: JsonObject = { type: "integer", minimum: 0 };
const yesOrNo: JsonObject = { type: "boolean" };
const typeName: JsonObject = {
  enum: ["null", "boolean", "object", "array", "number", "integer", "string"],
};

/** Where schemas stand in a schema: under these keys alone, in a list or by name. */
export const IN_PLACE = ["not", "if", "then", "else"] as const;
export const IN_PLACE_LISTS = ["allOf", "anyOf", "oneOf"] as const;
const BELOW = [
  "items",
  "contains",
  "additionalItems",
  "unevaluatedItems",
  "additionalProperties",
  "unevaluatedProperties",
  "propertyNames",
] as const;
const BELOW_BY_NAME = ["$defs", "definitions", "properties", "patternProperties"] as const;

export const ALONE: readonly string[] = [...IN_PLACE, ...BELOW];
export const LISTS: readonly string[] = [...IN_PLACE_LISTS, "prefixItems"];
export const BY_NAME: readonly string[] = [...BELOW_BY_NAME, "dependentSchemas"];

/** Keys that name schemas beyond `#/…`, which is all that is looked up. */
export const UNSUPPORTED = ["$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef", "$recursiveAnchor"];

export const SCHEMA_OF_SCHEMAS: JsonObject = {
  type: ["object", "boolean"],
  properties: {
    ...each(ALONE, schema),
    ...each(LISTS, schemas),
    ...each(BY_NAME, schemasByName),
    ...each(["$id", "$schema", "$ref", "$comment", "title", "description", "format", "pattern"], text),
    ...each(["maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"], number),
    ...each(["maxLength", "minLength", "maxItems", "minItems", "maxContains", "minContains"], count),
    ...each(["maxProperties", "minProperties"], count),
    uniqueItems: yesOrNo,
    multipleOf: { type: "number", exclusiveMinimum: 0 },
    required: texts,
    dependentRequired: { type: "object", additionalProperties: texts },
    enum: { type: "array" },
    type: { anyOf: [typeName, { type: "array", minItems: 1, items: typeName }] },
  },
};

function each(keys: readonly string[], rule: JsonObject): JsonObject {
  return Object.fromEntries(keys.map((key) => [key, rule]));
}
