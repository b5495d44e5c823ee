import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { PROTOCOLS } from "../../src/providers/protocols/index.ts";
import { formatPlace } from "../../src/spec/problems.ts";
import { checkAgainstSchema } from "../../src/spec/schema.ts";
import { checkSchema, explainSchema } from "../../src/spec/schema-usable.ts";

const found = (schema: JsonObject): string[] =>
  [...checkSchema(schema, "params")].map(({ code, at }) => `${code} ${formatPlace(at)}`);
const messages = (schema: JsonObject): string[] =>
  [...checkSchema(schema, "params")].map(({ message }) => message);

describe("a schema can be used", () => {
  it.each<[string, JsonObject]>([
    ["when it says nothing", {}],
    ["with every kind of subschema", { type: ["object", "null"], properties: { a: true, b: { items: {} } } }],
    ["with definitions of its own", { $defs: { a: { type: "string" } }, items: { $ref: "#/$defs/a" } }],
    ["when it contains itself below", { properties: { next: { $ref: "#" } } }],
    ["with keys it does not know", { "x-note": { pattern: "(a+)+" }, examples: [1] }],
    ["with a property that is called pattern", { properties: { pattern: { type: "string" } } }],
    ["with an id of its own", { $id: "https://example.com/schema", $ref: "#/$defs/a", $defs: { a: {} } }],
    ["with odd names", { $defs: { "a/b~c": {} }, $ref: "#/$defs/a~1b~0c" }],
  ])("%s", (_, schema) => {
    expect(found(schema)).toEqual([]);
    expect(checkAgainstSchema(schema, {}, { name: "params" })).toEqual([]);
  });

  it("as those of the protocols that ship can", () => {
    for (const { methods } of PROTOCOLS) {
      for (const { params, result } of Object.values(methods)) {
        expect([...checkSchema(params, "params"), ...checkSchema(result, "result")]).toEqual([]);
      }
    }
  });
});

describe("a schema is refused", () => {
  it.each<[string, JsonObject, string[]]>([
    ["for a type that is none", { type: "text" }, ["invalid_schema params.type"]],
    ["for a limit that is no number", { maximum: "5" }, ["invalid_schema params.maximum"]],
    ["for required that is no list", { required: "a" }, ["invalid_schema params.required"]],
    ["for a subschema that is none", { items: 5 }, ["invalid_schema params.items"]],
    [
      "for each thing in it",
      { properties: { a: { type: "x" }, b: { minLength: -1 } } },
      ["invalid_schema params.properties.a.type", "invalid_schema params.properties.b.minLength"],
    ],
    ["for a reference to nowhere", { $ref: "#/$defs/a" }, ['invalid_schema params["$ref"]']],
    ["for a reference to elsewhere", { $ref: "https://example.com/a" }, ['invalid_schema params["$ref"]']],
    ["for anchors", { items: { $anchor: "a" } }, ['invalid_schema params.items["$anchor"]']],
    ["for an id within", { items: { $id: "b" } }, ['invalid_schema params.items["$id"]']],
    ["when it is itself", { $ref: "#" }, ["invalid_schema params"]],
    ["for a pattern that is none", { items: { pattern: "(" } }, ["invalid_schema params.items.pattern"]],
    [
      "for a pattern with nested quantifiers, wherever it is",
      {
        $defs: { a: { not: { pattern: "(a+)+" } } },
        patternProperties: { "^(b*)*$": { anyOf: [{}, { pattern: "(c+)+" }] } },
      },
      [
        'unsafe_pattern params.patternProperties["^(b*)*$"]',
        'unsafe_pattern params["$defs"].a.not.pattern',
        'unsafe_pattern params.patternProperties["^(b*)*$"].anyOf[1].pattern',
      ],
    ],
  ])("%s", (_, schema, expected) => {
    expect(found(schema)).toEqual(expected);
  });

  it("with a message that says where, and what to write", () => {
    expect(messages({ properties: { a: { type: "text" } } })[0]).toMatch(
      /^params\.properties\.a\.type must be/,
    );
  });

  it("for a circle of references, which would never end", () => {
    const schema = { $defs: { a: { allOf: [{ $ref: "#/$defs/b" }] }, b: { not: { $ref: "#/$defs/a" } } } };
    expect(messages(schema)[0]).toContain("refers to itself without end");
  });

  it("for references that go through too many others", () => {
    const names = Array.from({ length: 100 }, (_, index) => `d${index}`);
    const $defs = Object.fromEntries(names.map((name, index) => [name, { $ref: `#/$defs/d${index - 1}` }]));
    expect(found({ $defs: { ...$defs, d0: {} } })).toHaveLength(1);
  });

  it("for references that double at each step", () => {
    const steps = Array.from({ length: 20 }, (_, step) => [
      `d${step}`,
      { allOf: [{ $ref: `#/$defs/d${step + 1}` }, { $ref: `#/$defs/d${step + 1}` }] },
    ]);
    const schema = { $defs: { ...Object.fromEntries(steps), d20: {} }, $ref: "#/$defs/d0" };
    expect(messages(schema)[0]).toContain("to too many others");
  });

  it("when it is larger than can be looked at", () => {
    expect(found({ anyOf: Array.from({ length: LIMITS.checkedValues }, () => ({})) })).toEqual([
      "too_large params",
    ]);
  });
});

it("a schema that comes with each call is judged once", () => {
  const schema: JsonObject = { pattern: "(a+)+" };
  expect(explainSchema(schema, "format")).toMatch(/^format\.pattern repeats/);
  schema["pattern"] = "a";
  expect(explainSchema(schema, "format")).toMatch(/^format\.pattern repeats/);
  expect(explainSchema({ pattern: "a" }, "format")).toBeUndefined();
});
