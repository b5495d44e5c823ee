// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references look like this.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import { PROBLEM_CODES } from "../../src/spec/problems.ts";
import type { Source } from "../../src/spec/source.ts";
import { check } from "./checking.ts";

const RUNS = { seed: 20_263, numRuns: 400 };
const MIB = 1024 * 1024;

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

/** Checks, and says how long that took; every problem must be one of the closed list. */
function checkedIn(source: Source): { ms: number; codes: string[] } {
  const start = performance.now();
  const { problems, workflow } = check(source);
  const ms = performance.now() - start;
  expect(workflow === undefined).toBe(problems.some(({ severity }) => severity === "error"));
  for (const { code } of problems) expect(PROBLEM_CODES).toContain(code);
  expect(problems.length).toBeLessThanOrEqual(LIMITS.problems + 1);
  return { ms, codes: problems.map(({ code }) => code) };
}

describe("whatever comes", () => {
  it("as text is checked without an exception, in less than a second", () => {
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
        expect(checkedIn({ text: source }).ms).toBeLessThan(1000);
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
        expect(checkedIn({ text: source }).ms).toBeLessThan(1000);
      }),
      RUNS,
    );
  });

  it("as parsed JSON is checked too", () => {
    fc.assert(
      fc.property(anyWorkflow(), (value) => {
        expect(checkedIn({ value }).ms).toBeLessThan(1000);
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
    const { ms, codes } = checkedIn({ text });
    expect(codes).toEqual(["too_deep"]);
    expect(ms).toBeLessThan(200);
  });

  it("aliases of aliases are refused by what they stand for", () => {
    const names = "abcdefghijklmnop".split("");
    const lines = names.map(
      (name, index) =>
        `${name}: &${name} [${Array(10)
          .fill(index === 0 ? "x" : `*${names[index - 1]}`)
          .join(",")}]`,
    );
    const { ms, codes } = checkedIn({ text: lines.join("\n") });
    expect(codes).toEqual(["too_large"]);
    expect(ms).toBeLessThan(200);
  });

  it("a value that is nested 100,000 times is refused without recursion", () => {
    const nested = JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
    expect(
      checkedIn({ value: { name: "x", tasks: [{ method: "echo/echo", params: { nested } }] } }).codes,
    ).toEqual(["too_deep"]);
  });

  it("10,000 tasks in a chain, listed last-first, are checked in a second", () => {
    const tasks = Array.from({ length: 10_000 }, (_, index) => ({
      id: `t${index}`,
      method: "echo/echo",
      dependencies: index < 9999 ? [`t${index + 1}`] : [],
    }));
    const asValue = checkedIn({ value: { name: "x", tasks } });
    expect(asValue).toEqual({ ms: expect.any(Number), codes: [] });
    expect(asValue.ms).toBeLessThan(1000);
    const lines = tasks.map(
      ({ id, dependencies }) => `- id: ${id}\n  method: echo/echo\n  dependencies: [${dependencies}]\n`,
    );
    // Most of the time is the YAML parser's: it is given some room on a busy machine.
    expect(checkedIn({ text: `name: x\ntasks:\n${lines.join("")}` }).ms).toBeLessThan(3000);
  });

  it("10,000 mistakes among 10,000 names are reported in a second or two", () => {
    const tasks = Array.from({ length: 10_000 }, (_, index) => ({
      id: `task-number-${index}`,
      method: "echo/echo",
      dependencies: [`task-nubmer-${index}x`],
    }));
    const { ms, codes } = checkedIn({ value: { name: "x", tasks } });
    expect(codes).toHaveLength(LIMITS.problems + 1);
    expect(ms).toBeLessThan(2000);
  });

  it("100,000 dependencies are checked in a second", () => {
    const sources = Array.from({ length: 100 }, (_, index) => ({ id: `s${index}`, method: "echo/echo" }));
    const ids = sources.map(({ id }) => id);
    const sinks = Array.from({ length: 1000 }, (_, index) => ({
      id: `t${index}`,
      method: "echo/echo",
      dependencies: ids,
    }));
    const { ms, codes } = checkedIn({ value: { name: "x", tasks: [...sources, ...sinks] } });
    expect(codes).toEqual([]);
    expect(ms).toBeLessThan(1000);
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
