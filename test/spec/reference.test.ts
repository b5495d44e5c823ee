/** What references mean, for well-formed workflows and for hostile ones. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references look like this.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import {
  escapeReferences,
  findMalformedReferences,
  findReferences,
  resolveReferences,
  type Scope,
} from "../../src/spec/reference.ts";

const RUNS = { seed: 20_250, numRuns: 300 };

const results: Record<string, Json> = {
  chat: { response: "Hi", content: "Hi", usage: { total_tokens: 7 } },
  "analyze-image": { response: "red" },
  "First Task": 3,
  script: { result: { numbers: [4, 8], "odd key": true }, output: "" },
  list: ["a", "b", "c"],
  nothing: null,
  inputs: { topic: "edge", response: "r" },
};
const scope: Scope = (head) => {
  if (head === "broken") return { failed: true };
  const value = Object.hasOwn(results, head) ? results[head] : undefined;
  return value === undefined ? undefined : { value };
};

function resolved(value: Json): Json {
  const outcome = resolveReferences(value, scope);
  if (!outcome.ok) throw new Error(outcome.message);
  return outcome.value;
}

function refusal(value: Json): string {
  const outcome = resolveReferences(value, scope);
  if (outcome.ok) throw new Error(`resolved to ${JSON.stringify(outcome.value)}`);
  return outcome.message;
}

describe("a string that is one reference", () => {
  test.each<[string, Json]>([
    ["${chat}", results["chat"] ?? null],
    ["${chat.response}", "Hi"],
    ["${chat.usage.total_tokens}", 7],
    ["${ chat . response }", "Hi"],
    ["${list.1}", "b"],
    ["${list[1]}", "b"],
    ["${script.result.numbers}", [4, 8]],
    ['${script.result["odd key"]}', true],
    ["${First Task}", 3],
    ["${First Task.result}", 3],
    ["${analyze-image.response}", "red"],
    ["${nothing}", null],
    ["${inputs.topic}", "edge"],
  ])("%s is the value with its type", (text, expected) => {
    expect(resolved(text)).toEqual(expected);
  });

  test("gives the very value, not a copy", () => {
    expect(resolved("${chat}")).toBe(results["chat"]);
  });

  test("gives null where null is what stands there", () => {
    const scope: Scope = () => ({ value: { result: null, content: null, response: "no", list: [null] } });
    const values = resolveReferences(["${a.result}", "${a.content}", "${a.list[0]}", "<${a.result}>"], scope);
    expect(values).toEqual({ ok: true, value: [null, null, null, "<null>"] });
  });

  test("with a space before or after is text", () => {
    expect(resolved(" ${First Task}")).toBe(" 3");
  });
});

describe("aliases of a task's result", () => {
  test("`result` is the result itself where it has no such key", () => {
    expect(resolved("${chat.result}")).toBe(results["chat"]);
    expect(resolved("${list.result[0]}")).toBe("a");
    expect(resolved("${script.result}")).toEqual({ numbers: [4, 8], "odd key": true });
  });

  test("`content` and `response` stand for each other where the key is absent", () => {
    expect(resolved("${analyze-image.content}")).toBe("red");
    expect(resolved("${analyze-image.result.content}")).toBe("red");
  });

  test("only as the first segment, and not for inputs", () => {
    expect(refusal("${chat.usage.result}")).toContain('has no "result"');
    expect(refusal("${inputs.content}")).toContain('"inputs" has no "content"');
    expect(refusal("${inputs.result}")).toContain('"inputs" has no "result"');
  });
});

describe("a reference within text", () => {
  test("puts strings in raw and everything else as compact JSON", () => {
    expect(resolved("a ${chat.response} b ${list} c ${First Task} d ${nothing}")).toBe(
      'a Hi b ["a","b","c"] c 3 d null',
    );
  });

  test("is found in lists and objects, but not in keys", () => {
    expect(resolved({ "${chat.response}": ["${First Task}", { deep: "${list[2]}" }] })).toEqual({
      "${chat.response}": [3, { deep: "c" }],
    });
  });

  test("is not looked at again after it was put in", () => {
    const inner: Scope = () => ({ value: { text: "${secret.key} $${x} $&" } });
    expect(resolveReferences("${a.text}", inner)).toEqual({ ok: true, value: "${secret.key} $${x} $&" });
    expect(resolveReferences("<${a.text}>", inner)).toEqual({ ok: true, value: "<${secret.key} $${x} $&>" });
  });
});

describe("a failed task that was allowed to fail", () => {
  test("is null under any path", () => {
    expect(resolved(["${broken}", "${broken.a[3].b}", "<${broken.a}>"])).toEqual([null, null, "<null>"]);
  });
});

describe("what does not resolve", () => {
  test.each([
    ["${chat.reslt}", '"${chat.reslt}": task "chat" has no "reslt"; it has: response, content, usage'],
    ["${script.numbers}", '"${script.numbers}": task "script" has no "numbers"; it has: result, output'],
    ["${chat.usage.x}", '"${chat.usage.x}": "chat.usage" has no "x"; it has: total_tokens'],
    ["${list.3}", '"${list.3}": task "list" has no "3"; it is a list of 3 items'],
    ["${First Task.x}", '"${First Task.x}": task "First Task" has no "x"; it is a number'],
    ["${nothing.x}", '"${nothing.x}": task "nothing" has no "x"; it is null'],
    ["${chat.response.0}", '"${chat.response.0}": "chat.response" has no "0"; it is text'],
    ["${nobody.x}", '"${nobody.x}": there is no task "nobody"'],
  ])("%s is told with the keys there are", (text, message) => {
    expect(refusal(text)).toBe(message);
  });

  test.each(["__proto__", "constructor", "toString", "length"])("%s never resolves", (key) => {
    expect(refusal(`\${chat.${key}}`)).toContain("has no");
    expect(refusal(`\${list.${key}}`)).toContain("has no");
    expect(refusal(`\${list["${key}"]}`)).toContain("has no");
  });

  test("names at most twenty keys", () => {
    const many = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, 1]));
    const outcome = resolveReferences("${a.x}", () => ({ value: many }));
    expect(outcome).toMatchObject({ ok: false, message: expect.stringMatching(/k19 and 30 more$/) });
  });

  test("ends at the first", () => {
    const outcome = resolveReferences(["${chat.a}", "${chat.b}"], scope);
    expect(outcome).toMatchObject({ ok: false, code: "reference_unresolved", reference: "${chat.a}" });
  });
});

describe("escapes", () => {
  test("`$${` is a literal `${`", () => {
    expect(resolved("$${chat.response} and ${chat.response}")).toBe("${chat.response} and Hi");
    expect(resolved("$$${chat}")).toBe("$${chat}");
  });

  test("escaped text resolves to itself, whatever it is", () => {
    const texts = fc.array(fc.constantFrom("$", "{", "}", "${", "$${", "a", ".", "[", '"', "chat", "\\"));
    fc.assert(
      fc.property(texts, (pieces) => {
        const text = pieces.join("");
        expect(resolved({ text: escapeReferences(text) })).toEqual({ text });
        expect(findReferences(escapeReferences(text))).toEqual([]);
        expect(findMalformedReferences(escapeReferences(text))).toEqual([]);
      }),
      RUNS,
    );
  });
});

describe("finding", () => {
  test("references come with their places, in the order of the document", () => {
    const found = findReferences({ a: ["x", "${t.k[0]} ${u}"], b: { "c.d": '${v["a.b}"]}' } });
    expect(found).toEqual([
      { reference: { text: "${t.k[0]}", head: "t", path: ["k", "0"] }, at: ["a", 1] },
      { reference: { text: "${u}", head: "u", path: [] }, at: ["a", 1] },
      { reference: { text: '${v["a.b}"]}', head: "v", path: ["a.b}"] }, at: ["b", "c.d"] },
    ]);
  });

  test.each([
    "${",
    "${}",
    "${ }",
    "${.a}",
    "${a..b}",
    "${a.}",
    "${a[}",
    "${a[x]}",
    "${a['k']}",
    "${a[-1]}",
    "${a]}",
  ])("%s is malformed, and stays as it is at run time", (text) => {
    const [found, ...others] = findMalformedReferences({ p: [text] });
    expect(found).toMatchObject({ at: ["p", 0], message: expect.stringContaining(" is not a reference: ") });
    expect(found?.message).toContain("a literal ${ is written $${");
    expect(others).toEqual([]);
    expect(findReferences(text)).toEqual([]);
    expect(resolved(`<${text}>`)).toBe(`<${text}>`);
  });

  test("a reference after a malformed one is still found", () => {
    expect(findReferences("${a ${chat}").map(({ reference }) => reference.text)).toEqual(["${chat}"]);
  });
});

describe("any value at all", () => {
  const json = fc.jsonValue().map((value) => value as Json);

  test("without `${` comes back as the same object", () => {
    const value: Json = { list: [1, { text: "a $ { b" }] };
    expect(resolved(value)).toBe(value);
  });

  test("keeps its type when it is referred to", () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(resolveReferences({ p: "${t}" }, () => ({ value }))).toEqual({
          ok: true,
          value: { p: value },
        });
      }),
      RUNS,
    );
  });

  test("is copied faithfully around a reference, keys like __proto__ included", () => {
    const value: Json = JSON.parse('{"__proto__":{"x":1},"constructor":"${chat.response}","n":[[],{}]}');
    const copy = resolved(value);
    expect(JSON.stringify(copy)).toBe('{"__proto__":{"x":1},"constructor":"Hi","n":[[],{}]}');
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    fc.assert(
      fc.property(json, (any) => {
        const plain: Json = JSON.parse(JSON.stringify(any).replaceAll("$", "S"));
        expect(resolved([plain, "${First Task}"])).toEqual([plain, 3]);
      }),
      RUNS,
    );
  });

  test("never throws", () => {
    const pieces = fc.constantFrom(
      "${",
      "}",
      ".",
      "[",
      "]",
      '["',
      '"]',
      "chat",
      "0",
      " ",
      "$",
      "\\",
      "\n",
      "é",
      "\ud800",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 30 }), (text) => {
        const value = { text: text.join("") };
        findMalformedReferences(value);
        findReferences(value);
        resolveReferences(value, scope);
      }),
      { ...RUNS, numRuns: 2000 },
    );
  });

  test("may be nested far deeper than a stack", () => {
    const deep = JSON.parse(`${"[".repeat(100_000)}"\${First Task}"${"]".repeat(100_000)}`);
    expect(findReferences(deep)[0]?.at.length).toBe(100_000);
    expect(resolveReferences(deep, scope).ok).toBe(true);
    const outcome = resolveReferences("${deep}", () => ({ value: deep }));
    expect(outcome).toMatchObject({ ok: false, code: "params_too_large" });
  });

  const repeat = (text: string) => text.repeat(Math.floor(LIMITS.yamlBytes / text.length));
  test.each([
    "${",
    "${a",
    "${a.",
    '${a["',
    '${a["\\',
    '${a["${a["][".]',
    "${a    ",
    "$",
    "${a}",
    "${a.b[1]}",
    "{",
  ])("takes less than a second for 1 MiB of %s", (text) => {
    const value = { text: repeat(text), cut: `\${a${repeat(" ")}` };
    const startedAt = performance.now();
    findMalformedReferences(value);
    resolveReferences(value, () => ({ value: { b: [0, 1] } }));
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});

test("what is put in is counted, so that a short text cannot fill the memory", () => {
  const large: Scope = () => ({ value: "x".repeat(LIMITS.resultBytes) });
  const outcome = resolveReferences({ texts: Array.from({ length: 1000 }, () => "${a} ${a.result}") }, large);
  expect(outcome).toMatchObject({
    ok: false,
    code: "params_too_large",
    message: expect.stringContaining("refer to less"),
  });
});
