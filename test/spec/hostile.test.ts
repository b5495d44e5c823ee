// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references look like this.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import { PROBLEM_CODES } from "../../src/spec/problems.ts";
import { countOpenings, resolveReferences, scanReferences } from "../../src/spec/reference.ts";
import { readText, type Source } from "../../src/spec/source.ts";
import { check } from "./checking.ts";

const RUNS = { seed: 20_263, numRuns: 400 };
const MIB = 1024 * 1024;
/**
 * The most processor time one check may take here. It says that nothing takes minutes, not how fast a check is: work
 * that grows with the square of the text would be far beyond it. What keeps a check short is what is counted
 * (`limits.ts`). Time of the processor and not of the clock: other tests run beside this one.
 */
const MOST_CPU_MS = 5000;

const VALID = `name: test
inputs: { topic: { type: string, default: x } }
outputs: { o: "\${b.response}" }
tasks:
  - id: a
    method: llm/chat
    params:
      messages:
        - role: user
          content: |
            About \${inputs.topic}
    retry: { max_attempts: 2 }
  - { id: b, method: echo/echo, dependencies: [a], params: { m: "\${a.content}" } }
`;

/** Checks, within its time; the codes of the problems, each of which must be one of the closed list. */
function codesOf(source: Source): string[] {
  const start = process.cpuUsage();
  const { problems, workflow } = check(source);
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1000).toBeLessThan(MOST_CPU_MS);
  expect(workflow === undefined).toBe(problems.some(({ severity }) => severity === "error"));
  for (const { code } of problems) expect(PROBLEM_CODES).toContain(code);
  expect(problems.length).toBeLessThanOrEqual(LIMITS.problems + 1);
  return problems.map(({ code }) => code);
}

describe("whatever comes", () => {
  it("as text is checked without an exception", () => {
    const piece = fc.constantFrom(
      ..."-?:,[]{}#&*!|>'\"%@` \n\tab01~<$.".split(""),
      "\n  ",
      "- ",
      ": ",
      "${",
      "tasks",
      "id",
      "method",
      "<<",
      "&a ",
      "*a",
    );
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(piece, { maxLength: 200 }).map((pieces) => pieces.join("")),
    );
    fc.assert(
      fc.property(text, (source) => {
        codesOf({ text: source });
      }),
      RUNS,
    );
  });

  it("of a good file that was cut, doubled or spoiled is checked too", () => {
    const spoiled = fc
      .tuple(fc.nat(VALID.length), fc.nat(40), fc.string({ maxLength: 5, unit: "grapheme" }))
      .map(([start, length, added]) => VALID.slice(0, start) + added + VALID.slice(start + length));
    fc.assert(
      fc.property(spoiled, (source) => {
        codesOf({ text: source });
      }),
      RUNS,
    );
  });

  it("as parsed JSON is checked too", () => {
    fc.assert(
      fc.property(anyWorkflow(), (value) => {
        codesOf({ value });
      }),
      RUNS,
    );
  });
});

describe("what is made to take long", () => {
  it.each([
    ["a MiB of [", "[".repeat(MIB)],
    ["a MiB of {", "{".repeat(MIB)],
    ["a MiB of dashes", "- ".repeat(MIB / 2)],
    ["a MiB of question marks", "? ".repeat(MIB / 2)],
    [
      "a stair of a thousand keys",
      Array.from({ length: 1000 }, (_, index) => `${" ".repeat(index)}a:`).join("\n"),
    ],
    ["lists in lists", Array.from({ length: 500 }, (_, index) => `${" ".repeat(index)}-`).join("\n")],
  ])("is refused before the parser sees it: %s", (_name, text) => {
    const codes = codesOf({ text });
    expect(codes).toEqual(["too_deep"]);
  });

  it("aliases of aliases are refused by what they stand for", () => {
    const names = "abcdefghijklmnop".split("");
    const lines = names.map(
      (name, index) =>
        `${name}: &${name} [${Array(10)
          .fill(index === 0 ? "x" : `*${names[index - 1]}`)
          .join(",")}]`,
    );
    const codes = codesOf({ text: lines.join("\n") });
    expect(codes).toEqual(["too_large"]);
  });

  it("a value that is nested 100,000 times is refused without recursion", () => {
    const nested = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
    expect(codesOf({ value: { name: "x", tasks: [{ method: "echo/echo", params: { nested } }] } })).toEqual([
      "too_deep",
    ]);
  });

  it("10,000 tasks in a chain, listed last-first, are checked", () => {
    const tasks = Array.from({ length: 10_000 }, (_, index) => ({
      id: `t${index}`,
      method: "echo/echo",
      dependencies: index < 9999 ? [`t${index + 1}`] : [],
    }));
    expect(codesOf({ value: { name: "x", tasks } })).toEqual([]);
    const lines = tasks.map(
      ({ id, dependencies }) => `- id: ${id}\n  method: echo/echo\n  dependencies: [${dependencies}]\n`,
    );
    expect(codesOf({ text: `name: x\ntasks:\n${lines.join("")}` })).toEqual([]);
  });

  it("of 10,000 mistakes among 10,000 names as many are reported as may be", () => {
    const tasks = Array.from({ length: 10_000 }, (_, index) => ({
      id: `task-number-${index}`,
      method: "echo/echo",
      dependencies: [`task-nubmer-${index}x`],
    }));
    const codes = codesOf({ value: { name: "x", tasks } });
    expect(codes).toHaveLength(LIMITS.problems + 1);
  });

  it("100,000 dependencies are checked", () => {
    const sources = Array.from({ length: 100 }, (_, index) => ({ id: `s${index}`, method: "echo/echo" }));
    const ids = sources.map(({ id }) => id);
    const sinks = Array.from({ length: 1000 }, (_, index) => ({
      id: `t${index}`,
      method: "echo/echo",
      dependencies: ids,
    }));
    const codes = codesOf({ value: { name: "x", tasks: [...sources, ...sinks] } });
    expect(codes).toEqual([]);
  });
});

describe("much of", () => {
  // Work that grows with the square of the text would take minutes for an eighth of a MiB as well.
  const SIZE = MIB / 8;
  const random = fc.sample(
    fc.array(fc.constantFrom(..."-?:,[]{}#&*!|>'\"%@` \n\tab01~<$."), { minLength: 5000, maxLength: 5000 }),
    {
      seed: RUNS.seed,
      numRuns: 1,
    },
  );
  const bytes = fc.sample(fc.uint8Array({ minLength: 5000, maxLength: 5000 }), {
    seed: RUNS.seed,
    numRuns: 1,
  });
  const pieces = [
    ..."\"',:!%|>#\n\t@`\\ \r\0\u0018\u001f\uFEFF\u2028",
    ...[
      "[]",
      "{}",
      "[],",
      "{a: b}, ",
      "&a ",
      "*a ",
      "!a ",
      "- \n",
      "?\n",
      ":\n",
      "- - a\n",
      "a:\n",
      "a: b\n",
      "a\n",
      "a b ",
    ],
    ...[
      "\"'",
      "'\"'\"\n",
      '- "\n',
      "- '\n",
      '""\n',
      "- |\n",
      "- |\n x\n",
      "- &a: 1\n",
      "- !x 1\n",
      "<<: *a\n",
      "#c\n",
      " #\n",
      "a: 1 #c\n",
    ],
    ...[
      "---\n",
      "...\n",
      "%\n",
      "]\n",
      "{\n}\n",
      "[\n---\n",
      "a: b: c\n",
      "\ta: b\n",
      "\r\n",
      "ä😀字 ",
      "? a\n: b\n",
      "*a : 1\n",
      "{a: 1}: 1\n",
    ],
    ...[random.flat().join(""), new TextDecoder().decode(bytes[0])],
  ];
  const size = (text: string) => new TextEncoder().encode(text).length;
  const cases = pieces.flatMap((piece) => {
    const inside = piece.repeat(Math.floor(SIZE / size(piece)));
    return [
      [`${JSON.stringify(piece.slice(0, 20))} again and again`, inside],
      [`${JSON.stringify(piece.slice(0, 20))} between brackets`, `[${inside}]`],
      [`${JSON.stringify(piece.slice(0, 20))} below a key`, `a: &a\n ${inside}`],
    ] as const;
  });

  it.each(cases)("%s is read, or refused with no more problems than are reported", (_name, text) => {
    const codes = codesOf({ text });
    expect(codes).not.toEqual([]);
  });

  it.each([
    ["a single text", `a: ${"x".repeat(MIB - 9)}`],
    ["a text of short lines", `a: ${"x\n ".repeat(MIB / 3 - 9)}`],
    ["a block of short lines", `a: >\n${" x\n".repeat(MIB / 3 - 9)}`],
    ["escapes that are none", `a: "${"\\q".repeat(MIB / 2 - 9)}"`],
    ["a number", `a: ${"9".repeat(MIB - 9)}`],
    ["a comment", `#${"x".repeat(MIB - 9)}`],
    ["comments after empty lines", `a: *b\n${"\n".repeat(MIB / 4)}${"  #\n".repeat(MIB / 8)}`],
    ["merges of one map", `a: &a {x: 1}\nb:\n${"  <<: *a\n".repeat(100_000)}`],
    ["the same key", "a: 1\n".repeat(100_000)],
  ])("%s is read or refused as well", (_name, text) => {
    codesOf({ text });
  });

  it("10,000 tasks with four keys each is a workflow", () => {
    const task = (index: number) =>
      `- {id: t${index},method: echo/echo,params: {message: "${"a word or two, ".repeat(3)}"}}\n`;
    const text = `name: x\ntasks:\n${Array.from({ length: 10_000 }, (_, index) => task(index)).join("")}`;
    expect(text.length).toBeGreaterThan(0.9 * MIB);
    const codes = codesOf({ text });
    expect(codes).toEqual([]);
  });
});

describe("what is counted", () => {
  const task = (rest: object): Source => ({
    value: JSON.parse(JSON.stringify({ name: "x", tasks: [{ id: "a", method: "echo/echo", ...rest }] })),
  });
  const many = <T>(length: number, make: (index: number) => T): T[] =>
    Array.from({ length }, (_, index) => make(index));
  const wide = (length: number) => Object.fromEntries(many(length, (index) => [`k${index}`, index]));

  it("of a text are its texts, signs and spaces, and all that the limit allows are read", () => {
    // The mark before a text counts, as do the brackets and the marks of the document.
    const list = (tokens: number) => `[${"1,".repeat(Math.floor(tokens / 3))}]`;
    expect(readText(list(LIMITS.yamlTokens - 10)).problems).toEqual([]);
    expect(readText(list(LIMITS.yamlTokens + 3)).problems).toMatchObject([
      { code: "too_large", line: 1, message: expect.stringContaining("500000 texts, signs and spaces") },
    ]);
  });

  it("of a value are its items and keys", () => {
    const around = 7 * 4 + 1;
    const list = (length: number) => codesOf(task({ params: { v: many(length, () => 1) } }));
    expect(list(LIMITS.values - around)).toEqual([]);
    expect(list(LIMITS.values)).toEqual(["too_large"]);
    expect(codesOf(task({ params: wide(300_000) }))).toEqual([]);
    expect(codesOf(task({ params: wide(400_000) }))).toEqual(["too_large"]);
  });

  it("of references is every ${, also those that are none", () => {
    const params = (text: string) => task({ params: { v: text } });
    expect(codesOf(params("${inputs}".repeat(LIMITS.references)))).toEqual([]);
    expect(codesOf(params("${inputs}".repeat(LIMITS.references + 1)))).toEqual(["too_large"]);
    expect(codesOf(params("$${".repeat(LIMITS.references + 1)))).toEqual(["too_large"]);
    const openings = countOpenings();
    const found = [...scanReferences("${".repeat(10 * MIB), openings)].length;
    expect(found).toBeLessThanOrEqual(LIMITS.references);
    expect(openings.left).toBeLessThan(0);
    codesOf(params("${".repeat(10 * MIB)));
  });

  it("of references is every step, and there are no more than levels", () => {
    const steps = (count: number) => codesOf(task({ params: { v: `\${inputs${".a".repeat(count)}}` } }));
    expect(steps(LIMITS.depth)).not.toContain("malformed_reference");
    expect(steps(LIMITS.depth + 1)).toEqual(["malformed_reference"]);
    expect(steps(8 * MIB)).toEqual(["malformed_reference"]);
  });

  it("when references are resolved is every ${ too", () => {
    const resolve = (text: string) => resolveReferences(text, () => ({ value: "" }));
    expect(resolve("${a}".repeat(LIMITS.references))).toEqual({ ok: true, value: "" });
    expect(resolve("${a}b".repeat(LIMITS.references))).toMatchObject({ ok: true });
    expect(resolve("${a}".repeat(LIMITS.references + 1))).toMatchObject({
      ok: false,
      code: "params_too_large",
    });
    expect(resolve("${".repeat(10 * MIB))).toMatchObject({ ok: false, code: "params_too_large" });
  });

  it("of tasks are their own keys, and the dependencies they state", () => {
    expect(codesOf(task(wide(LIMITS.keys)))).toContain("too_large");
    expect(codesOf(task({ dependencies: many(LIMITS.edges + 1, () => "b") }))).toEqual(["too_large"]);
    const unknown = codesOf(task({ dependencies: many(LIMITS.edges, (index) => `b${index}`) }));
    expect(unknown).toHaveLength(LIMITS.problems + 1);
  });

  it.each([
    ["inputs", { inputs: wide(370_000) }, "invalid_value"],
    ["tags", { tags: wide(370_000) }, "invalid_value"],
    ["outputs", { outputs: wide(370_000) }, "invalid_value"],
    ["defaults", { defaults: wide(370_000) }, "too_large"],
    ["the default of an input", { inputs: { v: { default: many(MIB, () => 1) } } }, undefined],
  ])("before it is looked at one by one: %s", (_name, own, code) => {
    const codes = codesOf({
      value: JSON.parse(JSON.stringify({ name: "x", tasks: [{ method: "echo/echo" }], ...own })),
    });
    expect(codes).toEqual(code === undefined ? [] : [code]);
  });

  it("of params is what is compared with a schema, outermost first", () => {
    const chat = (count: number, message: object) =>
      codesOf(task({ method: "llm/chat", params: { messages: many(count, () => message) } }));
    expect(chat(150_000, { role: "user", content: "x" })).toEqual([]);
    const codes = chat(200_000, { a: 1 });
    expect(new Set(codes)).toEqual(new Set(["invalid_params", "more_problems"]));
  });
});

/** JSON that looks enough like a workflow to get far. */
function anyWorkflow() {
  const json = fc.jsonValue({ maxDepth: 3 });
  const text = fc.constantFrom(
    "a",
    "b",
    "x y",
    "",
    "inputs",
    "llm/chat",
    "mcp/tool.add",
    "python/execute",
    "echo",
    "${a.x}",
    "${",
    "__proto__",
  );
  const value = fc.oneof(json, text, fc.array(text, { maxLength: 3 }), fc.integer(), fc.double());
  const keys = fc.constantFrom(
    "id",
    "name",
    "method",
    "protocol",
    "params",
    "parameters",
    "dependencies",
    "priority",
    "timeout",
    "retry",
    "metadata",
    "when",
    "other",
  );
  const task = fc.oneof(json, fc.dictionary(keys, value));
  const fields = fc.dictionary(
    fc.constantFrom(
      "name",
      "version",
      "inputs",
      "outputs",
      "defaults",
      "tags",
      "metadata",
      "timeout",
      "type",
      "batch",
      "mcp",
    ),
    value,
  );
  const workflow = fc
    .tuple(fields, fc.array(task, { maxLength: 4 }))
    .map(([own, tasks]) => ({ ...own, tasks }));
  return fc
    .oneof({ weight: 1, arbitrary: json }, { weight: 4, arbitrary: workflow })
    .map((made) => JSON.parse(JSON.stringify(made)));
}
