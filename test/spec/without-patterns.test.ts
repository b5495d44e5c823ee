/** Patterns are tried on short texts: a long one must not hold up everybody. */
import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { checkAgainstSchema } from "../../src/spec/schema.ts";

const LONG = "a".repeat(LIMITS.patternChars + 1);
const keywords = (schema: JsonObject, value: Json) =>
  checkAgainstSchema(schema, value, { name: "value" }).map(({ keyword }) => keyword);

describe("a pattern", () => {
  test("is held to on a text of up to so many characters", () => {
    const schema = { type: "string", pattern: "^b+$" };
    expect(keywords(schema, "a".repeat(LIMITS.patternChars))).toEqual(["pattern"]);
    expect(keywords(schema, LONG)).toEqual([]);
  });

  test("is not tried on more text than that in all, however short each is", () => {
    const schema = { type: "array", items: { type: "string", pattern: "^b+$" } };
    const texts = Array.from({ length: 100 }, () => "a".repeat(LIMITS.patternTotalChars / 50));
    expect(keywords(schema, texts)).toEqual([]);
  });

  test("that would take for ever is over at once on a long text", () => {
    expect(keywords({ pattern: "^(a+)+$" }, `${"a".repeat(5000)}!`)).toEqual([]);
  });
});

describe("a schema with patterns holds a long text to", () => {
  test("all else that it says", () => {
    const schema = {
      type: "object",
      required: ["id"],
      properties: { text: { type: "string", pattern: "^b", maxLength: 10 }, id: { type: "integer" } },
    };
    expect(keywords(schema, { text: LONG })).toEqual(["required", "maxLength"]);
    expect(keywords(schema, { text: LONG, id: "one" })).toEqual(["maxLength", "type"]);
  });

  test("nothing that rests on a pattern", () => {
    expect(keywords({ not: { pattern: "^a" } }, LONG)).toEqual([]);
    expect(keywords({ if: { pattern: "^a" }, else: { maxLength: 1 } }, LONG)).toEqual([]);
    expect(keywords({ oneOf: [{ pattern: "^a" }, { pattern: "^b" }] }, LONG)).toEqual([]);
    const closed = { patternProperties: { "^x": {} }, additionalProperties: false };
    expect(keywords(closed, { x: LONG })).toEqual([]);
  });

  test.each<[string, JsonObject]>([
    [
      "a reference to one",
      {
        oneOf: [{ $ref: "#/$defs/a" }, { $ref: "#/$defs/b" }],
        $defs: { a: { pattern: "^a" }, b: { pattern: "^b" } },
      },
    ],
    ["a reference in not", { not: { $ref: "#/$defs/b" }, $defs: { b: { pattern: "^b" } } }],
    ["a reference into it", { $ref: "#/$defs/b/not", $defs: { b: { not: { pattern: "^b" } } } }],
  ])("nothing that rests on %s", (_, schema) => {
    expect(keywords(schema, LONG)).toEqual([]);
  });

  test.each<[string, JsonObject, Json]>([
    [
      "properties named like keywords",
      { properties: { contains: { pattern: "^a" }, if: { format: "email" } }, additionalProperties: false },
      { contains: LONG, if: "x" },
    ],
    [
      "values with keys like keywords",
      { properties: { x: { const: { format: "y" } }, t: { pattern: "^a" } } },
      { x: { format: "y" }, t: LONG },
    ],
    [
      "what others have looked at",
      { allOf: [{ patternProperties: { "^x": {} } }], unevaluatedProperties: false },
      { x: LONG },
    ],
  ])("nothing wrong about %s", (_, schema, value) => {
    expect(keywords(schema, value)).toEqual([]);
  });

  test("properties that are called like a keyword", () => {
    const schema = { properties: { pattern: { type: "integer" } }, pattern: "^a" };
    expect(keywords(schema, { pattern: LONG })).toEqual(["type"]);
  });
});
