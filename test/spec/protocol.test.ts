import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { protocol } from "../../src/contract/protocol.ts";
import { checkProtocol } from "../../src/spec/protocol.ts";

const SENTIMENT = { name: "sentiment", version: "v1" };
const SCORE = {
  description: "How glad a text is.",
  params: { type: "object", required: ["text"], properties: { text: { type: "string" } } },
  result: { type: "object", required: ["score"] },
  timeout: 30,
  retry: { maxAttempts: 2 },
  idempotent: true,
};

const checked = (value: JsonObject, named = SENTIMENT) => checkProtocol(named, value);
const problemsOf = (value: JsonObject, named = SENTIMENT): string[] =>
  checked(value, named).problems.map(({ code, path }) => `${code} ${path}`);
const ofMethod = (method: JsonObject): string[] => problemsOf({ methods: { score: method } });

describe("a protocol that checks", () => {
  it("has full names of methods, whether or not they were written so", () => {
    const { protocol: made, problems } = checked({
      description: "Moods.",
      methods: { score: SCORE, "sentiment/list/all": {} },
    });
    expect(problems).toEqual([]);
    expect(made).toEqual({
      name: "sentiment/v1",
      version: "1",
      description: "Moods.",
      methods: {
        "sentiment/score": SCORE,
        "sentiment/list/all": { description: "", params: { type: "object" }, result: {} },
      },
    });
    expect(protocol.parse(made)).toEqual(made);
  });

  it("checks to itself when it is put again as it was given", () => {
    const { protocol: made } = checked({ methods: { score: SCORE } });
    expect(checked(JSON.parse(JSON.stringify(made))).protocol).toEqual(made);
  });

  it("is the one of the example", () => {
    const file = new URL("../../examples/custom-provider/protocol.json", import.meta.url);
    expect(problemsOf(JSON.parse(readFileSync(file, "utf8")), { name: "text", version: "v1" })).toEqual([]);
  });

  it.each(["v1", "1", "2.0", "v1.2beta"])("may have the version %s", (version) => {
    expect(problemsOf({ methods: { score: {} } }, { name: "a", version })).toEqual([]);
  });
});

describe("a protocol is refused", () => {
  it.each<[string, JsonObject, string[]]>([
    ["without methods", {}, ["missing_key methods"]],
    ["with none", { methods: {} }, ["invalid_value methods"]],
    ["with a list of them", { methods: [] }, ["invalid_value methods"]],
    ["for keys it does not have", { methods: { a: {} }, method: 1 }, ["unknown_key method"]],
    [
      "for a description that is no text",
      { methods: { a: {} }, description: 1 },
      ["invalid_value description"],
    ],
    ["for a method that is none", { methods: { a: "x" } }, ["invalid_value methods.a"]],
    ["for an odd name of a method", { methods: { "a b": {} } }, ['invalid_value methods["a b"]']],
    ["for a wildcard", { methods: { "tool.*": {} } }, ['invalid_value methods["tool.*"]']],
    [
      "for a method that is there twice",
      { methods: { score: {}, "sentiment/score": {} } },
      ['conflicting_keys methods["sentiment/score"]'],
    ],
  ])("%s", (_, value, expected) => expect(problemsOf(value)).toEqual(expected));

  it.each<[string, JsonObject, string[]]>([
    ["an unknown key", { timeuot: 1 }, ["unknown_key methods.score.timeuot"]],
    ["an unknown key of retry", { retry: { attempts: 1 } }, ["unknown_key methods.score.retry.attempts"]],
    ["too long a timeout", { timeout: 3601 }, ["invalid_value methods.score.timeout"]],
    ["too many attempts", { retry: { maxAttempts: 11 } }, ["invalid_value methods.score.retry.maxAttempts"]],
    ["params that are no schema", { params: true }, ["invalid_value methods.score.params"]],
    ["a schema that is wrong", { params: { type: "x" } }, ["invalid_schema methods.score.params.type"]],
    [
      "nested quantifiers",
      { result: { items: { pattern: "(a+)+" } } },
      ["unsafe_pattern methods.score.result.items.pattern"],
    ],
  ])("whose method has %s", (_, method, expected) => expect(ofMethod(method)).toEqual(expected));

  it.each([
    ["Sentiment", "v1", "name"],
    ["", "v1", "name"],
    ["a".repeat(65), "v1", "name"],
    ["sentiment", "one", "version"],
    ["sentiment", "v", "version"],
    ["sentiment", "v1-2", "version"],
    ["sentiment", `v1${"0".repeat(80)}`, "version"],
  ])("under the name %s/%s", (name, version, path) => {
    expect(problemsOf({ methods: { a: {} } }, { name, version })).toEqual([`invalid_value ${path}`]);
  });

  it("with all that is wrong at once, each with the name of its method", () => {
    const { problems, protocol: made } = checked({
      description: 5,
      methods: { score: { params: { type: "x" }, timeout: 0 }, list: { result: { pattern: "(" } } },
    });
    expect(made).toBeUndefined();
    expect(problems.map(({ path }) => path)).toEqual([
      "description",
      "methods.score.timeout",
      "methods.list.result.pattern",
    ]);
    expect(problems[1]?.message).toBe('method "score": timeout must be at least 1, not 0');
  });

  it("for more methods than there may be", () => {
    const names = Array.from({ length: LIMITS.protocolMethods + 1 }, (_, index) => `m${index}`);
    const methods = Object.fromEntries(names.map((name) => [name, {}]));
    expect(problemsOf({ methods })).toEqual(["invalid_value methods"]);
  });

  it("and the key that was meant is suggested", () => {
    expect(checked({ methods: { score: { parms: {} } } }).problems[0]?.suggestion).toBe(
      'did you mean "params"?',
    );
  });
});
