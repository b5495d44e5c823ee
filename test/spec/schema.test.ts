import { describe, expect, it } from "vitest";
import type { Json, JsonObject } from "../../src/contract/json.ts";
import { checkAgainstSchema } from "../../src/spec/schema.ts";

const messages = (schema: JsonObject, value: Json): string[] =>
  checkAgainstSchema(schema, value, { name: "params" }).map(({ message }) => message);
const openMessages = (schema: JsonObject, value: Json): string[] =>
  checkAgainstSchema(schema, value, { name: "params", isOpen: (text) => text.includes("?") }).map(
    ({ message }) => message,
  );

const text: JsonObject = { type: "string" };
const either: JsonObject = { anyOf: [text, { type: "array", items: text }] };

describe("a value that breaks a schema", () => {
  it.each<[JsonObject, Json, string]>([
    [{ type: "object" }, [], "params must be an object, not a list of 0"],
    [{ type: ["string", "number"] }, true, "params must be a string or a number, not true"],
    [{ properties: { a: { type: "integer" } } }, { a: 1.5 }, "params.a must be a whole number, not 1.5"],
    [{ required: ["a b"] }, {}, 'params needs "a b"'],
    [{ items: text }, ["x", null], "params[1] must be a string, not null"],
    [{ properties: { "a/b": { items: text } } }, { "a/b": [1] }, 'params["a/b"][0] must be a string, not 1'],
    [{ enum: ["json", ""] }, "xml", 'params must be "json" or "", not the string "xml"'],
    [{ const: true }, false, "params must be true, not false"],
    [{ minimum: 1 }, 0, "params must be at least 1, not 0"],
    [{ exclusiveMaximum: 5 }, 5, "params must be less than 5, not 5"],
    [{ multipleOf: 2 }, 3, "params must be a multiple of 2, not 3"],
    [{ minLength: 1 }, "", 'params must have at least 1 character, not the string ""'],
    [{ maxLength: 2 }, "abc", 'params must have at most 2 characters, not the string "abc"'],
    [{ pattern: "^a" }, "b", 'params must match the pattern ^a, not the string "b"'],
    [{ minItems: 2 }, [1], "params must have at least 2 items"],
    [{ maxProperties: 0 }, { a: 1 }, "params must have at most 0 keys"],
    [
      { properties: { a: {} }, additionalProperties: false },
      { b: 1 },
      "params.b is not known here: remove it",
    ],
    [{ additionalProperties: text }, { b: 1 }, "params.b must be a string, not 1"],
    [{ uniqueItems: true }, [1, 1], 'params breaks the rule "uniqueItems" of its schema'],
    [
      { $defs: { n: { type: "number" } }, items: { $ref: "#/$defs/n" } },
      ["x"],
      'params[0] must be a number, not the string "x"',
    ],
    [{ allOf: [text] }, 1, "params must be a string, not 1"],
  ])("%j is told what is wrong with %j", (schema, value, message) => {
    expect(messages(schema, value)).toEqual([message]);
  });

  it("is told all that is wrong, with where it is and which rule it breaks", () => {
    const schema = { required: ["c"], properties: { a: text, b: { minimum: 1 } } };
    expect(checkAgainstSchema(schema, { a: 1, b: 0 }, { name: "result" })).toEqual([
      { path: [], keyword: "required", message: 'result needs "c"' },
      { path: ["a"], keyword: "type", message: "result.a must be a string, not 1" },
      { path: ["b"], keyword: "minimum", message: "result.b must be at least 1, not 0" },
    ]);
  });

  it("has long texts cut in its messages", () => {
    const [message = ""] = messages({ type: "number" }, "x".repeat(10_000));
    expect(message.length).toBeLessThan(200);
  });
});

describe("alternatives of a schema", () => {
  it("are told together when each wants one thing of the value", () => {
    expect(messages(either, 7)).toEqual(["params must be a string or a list, not 7"]);
    expect(messages({ anyOf: [{ required: ["a"] }, { required: ["b", "c"] }] }, {})).toEqual([
      'params needs "a" or "b" and "c"',
    ]);
    expect(messages({ anyOf: [{ enum: ["json", ""] }, { type: "object" }] }, "xml")).toEqual([
      'params must be "json", "" or an object, not the string "xml"',
    ]);
  });

  it("are told by the one that came farthest", () => {
    expect(messages(either, ["x", 7])).toEqual(["params[1] must be a string, not 7"]);
  });

  it("inside each other are told the same way", () => {
    expect(messages({ items: { anyOf: [{ type: "null" }, either] } }, [["x", 7], "y"])).toEqual([
      "params[0][1] must be a string, not 7",
    ]);
  });

  it("of which two fit where one may are told so", () => {
    expect(messages({ oneOf: [{}, {}] }, 1)).toEqual([
      "params fits more than one of the alternatives of its schema: leave one out",
    ]);
  });

  it("with a flat refusal fit nothing", () => {
    expect(messages({ anyOf: [{ not: {} }] }, 1)).toEqual([
      "params fits none of the alternatives of its schema",
    ]);
  });
});

describe("a text that will become something else", () => {
  it("is not judged yet, nor is a list of it", () => {
    expect(openMessages({ properties: { a: { type: "number" } } }, { a: "?" })).toEqual([]);
    expect(
      openMessages({ anyOf: [{ type: "number" }, { type: "array", items: { type: "number" } }] }, ["?"]),
    ).toEqual([]);
    expect(openMessages({ enum: [[1]] }, ["?"])).toEqual([]);
  });

  it("does not keep from judging what is certain already", () => {
    expect(openMessages({ required: ["b"] }, { a: "?" })).toEqual(['params needs "b"']);
    expect(openMessages({ type: "object" }, ["?"])).toEqual(["params must be an object, not a list of 1"]);
    expect(openMessages({ items: { type: "number" } }, ["?", "x"])).toEqual([
      'params[1] must be a number, not the string "x"',
    ]);
  });
});

describe("a schema that cannot be used", () => {
  it.each<JsonObject>([{ $ref: "#/nowhere" }, { $ref: "#" }, { pattern: "(" }])(
    "is a message, not an exception: %j",
    (schema) => {
      expect(messages(schema, "x")).toEqual([expect.stringMatching(/^the schema cannot be used: /)]);
    },
  );

  it("is not changed by being used", () => {
    const schema = Object.freeze({ properties: Object.freeze({ a: Object.freeze({ type: "string" }) }) });
    expect(messages(schema, { a: 1 })).toHaveLength(1);
  });
});
