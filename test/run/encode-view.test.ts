/** What is left out of views that would be larger than RPC carries, and in which order. */
import { describe, expect, test } from "vitest";
import { decodeJson, type Json } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { type RunView, runView, type TaskSummary } from "../../src/contract/run.ts";
import { encodeRun, encodeTask } from "../../src/run/encode-view.ts";
import { sampleRun } from "../history/sample.ts";

const failedTask = (id: string, message: string, more: Partial<TaskSummary> = {}): TaskSummary => ({
  id,
  name: id,
  method: "echo/echo",
  status: "failed",
  dependencies: [],
  attemptCount: 1,
  error: { code: "timeout", message, retryable: true },
  ...more,
});

const failedTasks = (message: string, more?: Partial<TaskSummary>): TaskSummary[] =>
  Array.from({ length: LIMITS.tasks }, (_, index) => failedTask(`t${index}`, message, more));

function shown(view: Partial<RunView>): RunView {
  const bytes = encodeRun({ ...sampleRun(1), tasks: [], ...view });
  expect(bytes.byteLength).toBeLessThanOrEqual(LIMITS.viewBytes);
  return runView.parse(decodeJson(bytes));
}

const longest = "€".repeat(LIMITS.errorMessageChars);
const outputs = { a: "y".repeat(1000) };
const most = { text: "x".repeat(LIMITS.bodyBytes - 100) };

describe("a run's view", () => {
  test("that fits is whole", () => {
    const tasks = [failedTask("a", longest)];
    expect(shown({ outputs, tasks })).toEqual({ ...sampleRun(1), outputs, tasks });
  });

  test("first loses its outputs", () => {
    const view = shown({
      inputs: most,
      outputs: { a: "y".repeat(LIMITS.outputsBytes) },
      tasks: [failedTask("a", longest)],
    });
    expect("outputs" in view).toBe(false);
    expect(view.tasks[0]?.error?.message).toBe(longest);
  });

  test("then the length of messages", () => {
    const view = shown({ outputs, tasks: failedTasks(longest) });
    expect(view.tasks.at(-1)?.error?.message).toBe(`${"€".repeat(LIMITS.shortMessageChars)}…`);
  });

  test("then the errors of its tasks, and inputs are there still", () => {
    const view = shown({ inputs: most, tasks: failedTasks(longest) });
    expect(view.tasks.some(({ error }) => error !== undefined)).toBe(false);
    expect(view.inputs["text"]).toHaveLength(most.text.length);
  });

  test("and at last its inputs, where names and dependencies are as long as they may be", () => {
    const dependencies = Array.from({ length: LIMITS.edges / LIMITS.tasks }, () =>
      "d".repeat(LIMITS.taskIdChars),
    );
    const name = "€".repeat(LIMITS.nameChars);
    const view = shown({ inputs: most, tasks: failedTasks(longest, { name, dependencies }) });
    expect(view.inputs).toEqual({ $omitted: expect.stringContaining("too large") });
    expect(view.tasks).toHaveLength(LIMITS.tasks);
  });
});

test("a task's view loses params that were too large to be carried out", () => {
  const params: { [key: string]: Json } = { text: "€".repeat(LIMITS.paramsBytes) };
  const view = { ...failedTask("a", "too large"), attempts: [] };
  expect(decodeJson(encodeTask({ ...view, params }))).toEqual(view);
});
