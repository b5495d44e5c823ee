// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references look like this.
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import type { Protocol } from "../../src/contract/protocol.ts";
import { PROTOCOLS } from "../../src/providers/protocols/index.ts";
import { checkWorkflow } from "../../src/spec/check.ts";
import { check, file, problemOf } from "./checking.ts";

const task = (rest: string): string =>
  file(`  - { id: a, method: llm/chat, params: { prompt: hi }, ${rest} }`);

describe("where a task is done", () => {
  it.each([
    ["instance: 5", "instance must be a string, not 5: put it in quotes"],
    ['instance: ""', "instance must have at least 1 character, not 0"],
    ['instance: "${inputs.host}"', "instance must be written out: references are not resolved here"],
    ["tags: { gpu: yes }", "tags must be a list, not an object"],
    ["tags: [1]", "tags[0] must be a string, not 1: put it in quotes"],
    ['tags: ["${a.b}"]', "tags[0] must be written out: references are not resolved here"],
    [`tags: [${"x, ".repeat(LIMITS.tags + 1)}]`, `tags must have at most ${LIMITS.tags} items`],
  ])("is refused as %s", (rest, message) => {
    expect(problemOf(task(rest))).toMatchObject({
      severity: "error",
      code: "invalid_value",
      message: `task "a": ${message}`,
    });
  });

  it("has keys that are suggested", () => {
    expect(problemOf(task("instanse: x")).suggestion).toBe('did you mean "instance"?');
    expect(problemOf(task("tag: x")).suggestion).toBe('did you mean "tags"?');
  });
});

describe("what is missed", () => {
  const text = file(
    "  - { method: sentiment/score }\n  - { method: mcp/tool.fetch }\n  - { method: mcp/tool.add, params: { a: 1, b: 2 } }",
  );

  it("are the protocols and tools that are asked for and not known", () => {
    expect(check(text).missed).toEqual({ protocols: new Set(["sentiment/v1"]), tools: new Set(["fetch"]) });
  });

  it("is only warned of by who may not know all there is", () => {
    const { workflow, problems } = checkWorkflow(
      { text: file("  - { method: sentiment/score }") },
      { protocols: PROTOCOLS, mayBeMore: true },
    );
    expect(workflow?.tasks[0]).toMatchObject({ protocol: "sentiment/v1", method: "sentiment/score" });
    expect(problems).toMatchObject([
      {
        severity: "warning",
        code: "unknown_protocol",
        message: 'task "task-1": unknown protocol "sentiment/v1": it must be registered where this runs',
      },
    ]);
  });

  it("is nothing once they are", () => {
    const protocols = [...PROTOCOLS, sentiment("v1")];
    const { missed, problems } = checkWorkflow({ text }, { protocols, knownTools: ["fetch"] });
    expect(problems).toEqual([]);
    expect(missed).toEqual({ protocols: new Set(), tools: new Set() });
  });
});

describe("versions of a protocol", () => {
  const protocols = [sentiment("v1"), sentiment("v2")];
  const versions = (...names: string[]): string =>
    file(names.map((name) => `  - { method: score, protocol: ${name} }`).join("\n"));

  it("may be any one of those there are", () => {
    const { workflow } = checkWorkflow({ text: versions("sentiment/v2") }, { protocols });
    expect(workflow?.tasks[0]).toMatchObject({ protocol: "sentiment/v2", method: "sentiment/score" });
  });

  it("may not be mixed, since a run has one meaning of each method", () => {
    const { problems } = checkWorkflow({ text: versions("sentiment/v1", "sentiment/v2") }, { protocols });
    expect(problems).toMatchObject([
      {
        path: "tasks[1].protocol",
        message:
          'task "task-2": "sentiment/score" is asked of "sentiment/v1" and of "sentiment/v2": keep to one version in a workflow',
      },
    ]);
  });
});

function sentiment(version: string): Protocol {
  const score = { description: "", params: {}, result: {} };
  return { name: `sentiment/${version}`, version, description: "", methods: { "sentiment/score": score } };
}
