import { describe, expect, it } from "vitest";
import { workflow } from "../../src/contract/workflow.ts";
import { check, echo, file, findingsOf, problemOf, problemsOf, workflowOf } from "./checking.ts";

describe("a workflow that checks", () => {
  it("gets every default that the format names", () => {
    expect(workflowOf("name: small\ntasks: [{ method: echo/echo }]")).toEqual({
      name: "small",
      inputs: {},
      timeout: 3600,
      maxParallelTasks: 100,
      onFailure: "skip_dependents",
      defaults: {},
      tags: {},
      metadata: {},
      mcp: true,
      tasks: [
        {
          id: "task-1",
          name: "task-1",
          method: "echo/echo",
          protocol: "echo/v1",
          params: {},
          dependencies: [],
          priority: "normal",
          allowFailure: false,
        },
      ],
    });
  });

  it("keeps all it says", () => {
    const text = `
name: Research pipeline
description: Looks things up
version: "1.0"
inputs:
  topic: { type: string, description: What to research, default: edge computing }
outputs:
  summary: "\${write.response}"
timeout: 600
maxParallelTasks: 20
onFailure: fail_fast
defaults: { retry: { maxAttempts: 2 }, timeout: 60 }
tags: { team: docs }
metadata: { owner: ann }
mcp: false
tasks:
  - id: write
    name: Write it
    method: llm/chat
    protocol: llm/v1
    params: { prompt: "About \${inputs.topic}" }
    priority: high
    timeout: 60
    retry: { maxAttempts: 3, backoff: fixed, baseDelay: 1, maxDelay: 5, jitter: false }
    allowFailure: true
    metadata: { note: first }
`;
    expect(problemsOf(text)).toEqual([]);
    expect(workflowOf(text)).toMatchObject({
      description: "Looks things up",
      version: "1.0",
      inputs: { topic: { type: "string", default: "edge computing" } },
      outputs: { summary: `\${write.response}` },
      onFailure: "fail_fast",
      defaults: { retry: { maxAttempts: 2 }, timeout: 60 },
      mcp: false,
      tasks: [
        { retry: { backoff: "fixed", jitter: false }, allowFailure: true, metadata: { note: "first" } },
      ],
    });
  });

  it("has the canonical shape of the contract", () => {
    const checked = workflowOf(file(echo("a") + echo("b", "dependencies: a")));
    expect(workflow.parse(checked)).toEqual(checked);
  });

  it("checks to itself when it is checked again", () => {
    const once = workflowOf(
      file(`${echo("a")}  - { id: 1x, name: B, method: echo, protocol: echo/v1, depends_on: a }\n`),
    );
    const again = check({ value: JSON.parse(JSON.stringify(once)) });
    expect([again.problems, again.workflow]).toEqual([[], once]);
  });

  it("may be JSON text", () => {
    expect(workflowOf('{"name": "json", "tasks": [{"method": "echo/echo"}]}').name).toBe("json");
  });

  it("may be a parsed object, whose problems then have no lines", () => {
    const problem = problemOf({ value: { name: "x", tasks: [{ method: "echo/eco" }] } });
    expect(problem).toMatchObject({ code: "unknown_method", path: "tasks[0].method" });
    expect(problem.line).toBeUndefined();
  });

  it("is called Unnamed workflow without a name, with a warning", () => {
    const { problems, workflow: checked } = check("tasks: [{ method: echo/echo }]");
    expect(problems).toMatchObject([{ severity: "warning", code: "unnamed_workflow" }]);
    expect(checked?.name).toBe("Unnamed workflow");
  });
});

describe("problems", () => {
  it("are all reported at once", () => {
    const text = file(
      "  - { id: a, method: echo/eco, timeout: 0, dependencies: [x] }\n  - { id: b, priority: top }",
    );
    expect(findingsOf(text).sort()).toEqual([
      "error invalid_value tasks[0].timeout",
      "error invalid_value tasks[1].priority",
      "error missing_key tasks[1].method",
      "error unknown_dependency tasks[0].dependencies[0]",
      "error unknown_method tasks[0].method",
    ]);
  });

  it("are sorted by line and column", () => {
    const text = file(
      echo("a", "timeout: 0, x: 1") + echo("b", "dependencies: [c]") + echo("d", "priority: top"),
    );
    const lines = problemsOf(text).map(({ line, column }) => [line, column]);
    expect(lines).toEqual([
      [3, 42],
      [3, 45],
      [4, 48],
      [5, 43],
    ]);
  });

  it("end with a note of how many more there are after two hundred", () => {
    const problems = problemsOf(file(echo("a", "timeout: 0").repeat(300)));
    expect(problems).toHaveLength(201);
    // Each of the 300 has a bad timeout, and 299 repeat an id.
    expect(problems.at(-1)).toMatchObject({
      severity: "error",
      code: "more_problems",
      message: "399 more problems: mend those above first",
    });
  });

  it("that are errors are not hidden behind two hundred warnings", () => {
    const problems = problemsOf(file(`${manyUnknownKeys()}${echo("z", "timeout: 0")}`));
    expect(problems.filter(({ severity }) => severity === "error")).toMatchObject([
      { code: "invalid_value" },
    ]);
    expect(problems.at(-1)).toMatchObject({ severity: "warning", code: "more_problems" });
  });

  it("that are only warnings leave a workflow to be run", () => {
    const { problems, workflow: checked } = check(file(echo("a", "colour: red")));
    expect(problems).toMatchObject([{ severity: "warning" }]);
    expect(checked).toBeDefined();
  });

  it("of a rewritten value have the lines of its text, as far as the text has the place", () => {
    const text = file(echo("a") + echo("b", "timeout: 0"));
    const value = {
      name: "test",
      tasks: [
        { id: "a", method: "echo/echo" },
        { id: "b", method: "echo/echo", timeout: 0, params: { added: `\${nobody}` } },
        { id: "c", method: "echo/echo", timeout: 0 },
      ],
    };
    expect(problemsOf({ text, value })).toMatchObject([
      { path: "tasks[2].timeout", line: 2 },
      { path: "tasks[1].params.added", line: 4, column: 5 },
      { path: "tasks[1].timeout", line: 4, column: 42 },
    ]);
  });
});

function manyUnknownKeys(): string {
  return Array.from({ length: 300 }, (_, index) => echo(`t${index}`, "unheard: 1")).join("");
}
