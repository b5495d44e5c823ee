import { describe, expect, it } from "vitest";
import { echo, file, findingsOf, problemOf, problemsOf, tasksOf, workflowOf } from "./checking.ts";

const TASK = "  - method: echo/echo\n    id: b\n";

describe("spellings of a task", () => {
  it.each([
    ["parameters: { message: hi }", { params: { message: "hi" } }],
    ["depends_on: [a]", { dependencies: ["a"] }],
    ["dependsOn: [a]", { dependencies: ["a"] }],
    ["dependencies: a", { dependencies: ["a"] }],
    ["allow_failure: true", { allowFailure: true }],
    ["priority: 1", { priority: "high" }],
    ["priority: 2", { priority: "normal" }],
    ["priority: 3", { priority: "low" }],
    ["retry_config: { max_attempts: 2 }", { retry: { maxAttempts: 2 } }],
    ["retry: { backoff_strategy: linear }", { retry: { backoff: "linear" } }],
    ["retry: { base_delay: 5.0, max_delay: 9 }", { retry: { baseDelay: 5, maxDelay: 9 } }],
    ["retry: { delay: 5 }", { retry: { baseDelay: 5 } }],
    ["instance: gpu-1", { instance: "gpu-1" }],
    ["tags: [gpu, fast]", { tags: ["gpu", "fast"] }],
    ["tags: gpu", { tags: ["gpu"] }],
    ["params:", { params: {} }],
    ["timeout: null", { dependencies: [] }],
  ])("%s is understood", (spelling, expected) => {
    const text = file(`${echo("a")}${TASK}    ${spelling}`);
    expect(problemsOf(text)).toEqual([]);
    expect(workflowOf(text).tasks[1]).toMatchObject(expected);
  });

  it("may give an id as a number, which is then taken for text", () => {
    const tasks = tasksOf(
      "  - { id: 1, method: echo/echo }\n  - { id: b, method: echo/echo, dependencies: [1] }",
    );
    expect(tasks.map(({ id, dependencies }) => [id, dependencies])).toEqual([
      ["task-1", []],
      ["b", ["task-1"]],
    ]);
  });
});

describe("spellings of a workflow", () => {
  it.each([
    ["max_parallel_tasks: 7", { maxParallelTasks: 7 }],
    ["on_failure: fail_fast", { onFailure: "fail_fast" }],
    ["defaults: { retry_config: { max_attempts: 2 } }", { defaults: { retry: { maxAttempts: 2 } } }],
    ["version: 1.0", { version: "1.0" }],
    ["wait_for_completion: true", {}],
    ["providers: [ollama]", {}],
    ["inputs: { topic: cats }", { inputs: { topic: { default: "cats" } } }],
    ["inputs: { topic: { a: 1 } }", { inputs: { topic: { default: { a: 1 } } } }],
    ["inputs: { topic: { enum: [a, b] } }", { inputs: { topic: { enum: ["a", "b"] } } }],
    ["inputs: { topic: }", { inputs: { topic: {} } }],
  ])("%s is understood without a word", (spelling, expected) => {
    const text = `${spelling}\n${file(echo("a"))}`;
    expect(problemsOf(text)).toEqual([]);
    expect(workflowOf(text)).toMatchObject(expected);
  });

  it("that mean the same may not both be there", () => {
    expect(problemOf(file(`${TASK}    parameters: {}\n    params: {}`))).toMatchObject({
      code: "conflicting_keys",
      message: 'task "b": "parameters" and "params" mean the same: keep one of them',
      line: 6,
    });
  });

  it("come back in the paths of problems", () => {
    const text = file(`${TASK}    retry_config: { max_attempts: 0 }`);
    expect(problemOf(text)).toMatchObject({
      path: "tasks[0].retry_config.max_attempts",
      line: 5,
      column: 35,
      message: 'task "b": retry.maxAttempts must be at least 1, not 0',
    });
  });
});

describe("keys that mean nothing", () => {
  it("are warned of, with the key that was probably meant", () => {
    expect(problemOf(file(`${TASK}    dependancies: []`))).toEqual({
      severity: "warning",
      code: "unknown_key",
      path: "tasks[0].dependancies",
      line: 5,
      column: 5,
      message: 'task "b": unknown key "dependancies" is ignored',
      suggestion: 'did you mean "dependencies"?',
    });
  });

  it("are found in retry, defaults and inputs as well", () => {
    const text = `defaults: { timeuot: 1 }\ninputs: { a: { type: string, requird: true } }\n${file(`${TASK}    retry: { atempts: 1 }`)}`;
    expect(findingsOf(text)).toEqual([
      "warning unknown_key defaults.timeuot",
      "warning unknown_key inputs.a.requird",
      "warning unknown_key tasks[0].retry.atempts",
    ]);
  });

  it.each(["when", "if", "conditions", "foreach", "loop", "map", "wait"])(
    "are an error where they should guard a task: %s",
    (key) => {
      expect(problemOf(file(`${TASK}    ${key}: x`))).toMatchObject({
        severity: "error",
        code: "unsupported_key",
      });
      expect(problemOf(`${key}: x\n${file(TASK)}`)).toMatchObject({
        severity: "error",
        code: "unsupported_key",
        line: 1,
      });
    },
  );
});
