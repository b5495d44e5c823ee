import { describe, expect, it } from "vitest";
import { echo, file, problemOf } from "./checking.ts";

const LONG_DESCRIPTION = `description: "${"x".repeat(1001)}"`;

describe("values out of shape", () => {
  it.each([
    ["timeout: 0", "timeout must be at least 1, not 0"],
    ["timeout: 86401", "timeout must be at most 86400, not 86401"],
    ["timeout: 60s", 'timeout must be a number, not the string "60s"'],
    ["maxParallelTasks: 0", "maxParallelTasks must be at least 1, not 0"],
    ["maxParallelTasks: 1001", "maxParallelTasks must be at most 1000, not 1001"],
    ["maxParallelTasks: 1.5", "maxParallelTasks must be a whole number, not 1.5"],
    ["onFailure: stop", 'onFailure must be skip_dependents or fail_fast, not the string "stop"'],
    ["description: [a]", "description must be a string, not a list of 1"],
    ["tags: { team: 7 }", "tags.team must be a string, not 7: put it in quotes"],
    ["tags: [a]", "tags must be an object, not a list of 1"],
    ["mcp: maybe", 'mcp must be true or false, not the string "maybe"'],
    ["metadata: 1", "metadata must be an object"],
    ["inputs: [topic]", "inputs must be an object, not a list of 1"],
    [
      "inputs: { topic: { type: text } }",
      'inputs.topic.type must be string, number, integer, boolean, array or object, not the string "text"',
    ],
    [
      "inputs: { n: { type: integer, default: x } }",
      'input "n" must be a whole number, not the string "x" (its default)',
    ],
    ["inputs: { n: { enum: [a], default: b } }", 'input "n" must be "a", not the string "b" (its default)'],
    ["defaults: { timeout: 3601 }", "defaults.timeout must be at most 3600, not 3601"],
    ["outputs: [a]", "outputs must be an object, not a list of 1"],
    [LONG_DESCRIPTION, "description must have at most 1000 characters, not 1001"],
  ])("of a workflow: %s", (line, message) => {
    expect(problemOf(`${line}\n${file(echo("a"))}`)).toMatchObject({
      severity: "error",
      code: "invalid_value",
      line: 1,
      message,
    });
  });

  it.each([
    ["timeout: 3601", "timeout must be at most 3600, not 3601"],
    ["priority: 4", "priority must be urgent, high, normal, low, 1 (high), 2 (normal) or 3 (low), not 4"],
    [
      'priority: "1"',
      'priority must be urgent, high, normal, low, 1 (high), 2 (normal) or 3 (low), not the string "1"',
    ],
    ["retry: 3", "retry must be an object, not 3"],
    ["retry: { maxAttempts: 11 }", "retry.maxAttempts must be at most 10, not 11"],
    ["retry: { baseDelay: 61 }", "retry.baseDelay must be at most 60, not 61"],
    ["retry: { maxDelay: 0 }", "retry.maxDelay must be at least 1, not 0"],
    ["retry: { jitter: 1 }", "retry.jitter must be true or false, not 1"],
    ["params: [a]", "params must be an object"],
    ["dependencies: [[a]]", "dependencies[0] must be a string, not a list of 1"],
    ["dependencies: { a: 1 }", "dependencies must be a list, not an object"],
    ["allowFailure: 'yes'", 'allowFailure must be true or false, not the string "yes"'],
    ["name: true", "name must be a string, not true: put it in quotes"],
  ])("of a task: %s", (line, message) => {
    expect(problemOf(file(`  - method: echo/echo\n    id: b\n    ${line}`))).toMatchObject({
      severity: "error",
      code: "invalid_value",
      line: 5,
      message: `task "b": ${message}`,
    });
  });

  it("come with the value that was probably meant", () => {
    expect(problemOf(file(echo("a", "priority: hihg"))).suggestion).toBe('did you mean "high"?');
    expect(problemOf(file(echo("a", "retry: { backoff: exponental }"))).suggestion).toBe(
      'did you mean "exponential"?',
    );
  });

  it("are reported where a task is no object", () => {
    expect(problemOf({ value: { name: "x", tasks: ["echo"] } })).toMatchObject({
      code: "invalid_value",
      message: 'task 1 must be an object with a method, not the string "echo"',
    });
  });
});

describe("what must be there", () => {
  it.each([
    ["name: x", "missing_key", "tasks is missing: a workflow has at least one task"],
    ["name: x\ntasks: []", "invalid_value", "tasks must be a list: a workflow has at least one task"],
    ["name: x\ntasks: { a: 1 }", "invalid_value", "tasks must be a list: a workflow has at least one task"],
    ["name: x\ntasks: [{ id: a }]", "missing_key", 'task "a": method is missing'],
    ["[]", "invalid_value", "a workflow is an object with tasks"],
    ["", "invalid_value", "a workflow is an object with tasks"],
  ])("%j lacks it", (text, code, message) => {
    expect(problemOf(text)).toMatchObject({ severity: "error", code, message });
  });
});

describe("limits", () => {
  it("allow 10,000 tasks and not one more", () => {
    const tasks = Array.from({ length: 10_001 }, () => ({ method: "echo/echo" }));
    expect(problemOf({ value: { name: "x", tasks } })).toMatchObject({ code: "too_large", path: "tasks" });
  });

  it("allow 100 inputs, 50 tags and 64 KiB of metadata", () => {
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "v"]));
    const tasks = [{ method: "echo/echo" }];
    expect(problemOf({ value: { name: "x", tasks, inputs: many(101) } }).message).toBe(
      "inputs must be at most 100 inputs",
    );
    expect(problemOf({ value: { name: "x", tasks, tags: many(51) } }).message).toBe(
      "tags must be at most 50 tags",
    );
    const metadata = { text: "x".repeat(65_536) };
    expect(problemOf({ value: { name: "x", tasks, metadata } }).message).toContain(
      "metadata must be at most 65536 bytes",
    );
  });
});

describe("a batch that the client did not expand", () => {
  it("is refused with the way to submit it", () => {
    expect(
      problemOf("type: batch\nbatch: { directory: docs, pattern: '*.txt' }\ntemplate: { method: llm/chat }"),
    ).toMatchObject({
      code: "file_not_inlined",
      path: "batch.directory",
      line: 2,
      message: expect.stringContaining("gleitzeit run"),
    });
  });
});
