/** A run and its tasks as clients see them. */
import { describe, expect, test } from "vitest";
import { makeTaskError } from "../../src/contract/error.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { runSummary, runView, taskDetail } from "../../src/contract/run.ts";
import { type Labels, summarizeRun, viewRun, viewTask } from "../../src/engine/view.ts";
import { Drive, START, started } from "./drive.ts";
import { completed, Executor, failed } from "./executor.ts";
import { llm } from "./shape.ts";

const labels: Labels = { trigger: { kind: "api" }, tags: { who: "me" }, metadata: { n: 1 } };
const usage = { promptTokens: 1, completionTokens: 2, totalTokens: 3 };
const iso = (ms: number): string => new Date(START + ms).toISOString();

/** One task of each final kind, one that waits for its next try, and one that runs. */
function mixed(): Drive {
  const drive = started("ok bad after:bad again runs", {
    version: "2",
    tags: { who: "file", team: "docs" },
    given: { topic: "edge" },
    tasks: { ok: { ...llm(), name: "All is well" }, bad: llm() },
  });
  const ada = new Executor(drive);
  ada.sync();
  drive.now += 1000;
  ada.begin("ok", "bad");
  drive.now += 1000;
  ada.sync({
    ended: [
      ada.ended("ok", { ...completed({ response: "hi" }), usage, instance: "spark" }),
      ada.ended("bad", failed("model_not_found")),
      ada.ended("again", failed("timeout")),
    ],
  });
  return drive;
}

describe("a run's summary", () => {
  test("of a run that has not started says so", () => {
    const summary = summarizeRun(new Drive("a b").run, labels);
    expect(runSummary.parse(summary)).toMatchObject({
      status: "pending",
      generation: 1,
      createdAt: iso(0),
      progress: { total: 2, waiting: 2, running: 0 },
    });
    expect("startedAt" in summary || "finishedAt" in summary || "usage" in summary).toBe(false);
  });

  test("counts tasks by status and sums what providers counted; a caller's labels win", () => {
    expect(runSummary.parse(summarizeRun(mixed().run, labels))).toMatchObject({
      workflow: { name: "test", version: "2" },
      status: "running",
      startedAt: iso(0),
      inputs: { topic: "edge" },
      tags: { who: "me", team: "docs" },
      metadata: { n: 1 },
      usage,
      progress: { total: 5, completed: 1, failed: 1, skipped: 1, retrying: 1, running: 1, queued: 0 },
    });
  });

  test("of a failed run has when and why", () => {
    const drive = mixed();
    drive.tell({ type: "cancel", actor: "me" });
    expect(summarizeRun(drive.run, labels)).toMatchObject({ status: "cancelled", finishedAt: iso(2000) });
    const failing = started("a", { timeout: 1 });
    failing.wait(1000);
    expect(summarizeRun(failing.run, labels)).toMatchObject({
      status: "failed",
      finishedAt: iso(1000),
      error: { code: "run_timeout" },
    });
  });
});

describe("a run's view", () => {
  test("has its tasks in the order of the file, and no outputs while it runs", () => {
    const drive = mixed();
    const view = viewRun(drive.run, labels, drive.read);
    expect(runView.parse(view).tasks.map(({ id }) => id)).toEqual(["ok", "bad", "after", "again", "runs"]);
    expect("outputs" in view).toBe(false);
  });

  test("has its outputs when it completed, unless they are too large to be shown", () => {
    const outputs = (result: string): unknown => {
      const drive = started("a b");
      const ada = new Executor(drive);
      ada.sync();
      ada.complete("a", result);
      ada.complete("b", result);
      return viewRun(drive.run, labels, drive.read).outputs;
    };
    expect(outputs("x")).toEqual({ a: "x", b: "x" });
    expect(outputs("x".repeat(5 * 2 ** 20))).toBeUndefined();
  });
});

describe("a task's view", () => {
  const { run, read } = mixed();
  const view = (id: string) => taskDetail.parse(viewTask(run, id, read));

  test("of one that completed has its result, its usage and its attempt", () => {
    expect(view("ok")).toEqual({
      id: "ok",
      name: "All is well",
      method: "llm/chat",
      status: "completed",
      dependencies: [],
      attemptCount: 1,
      instance: "spark",
      usage,
      startedAt: iso(1000),
      finishedAt: iso(2000),
      params: { model: "small" },
      result: { response: "hi" },
      attempts: [
        { number: 1, status: "completed", instance: "spark", startedAt: iso(1000), finishedAt: iso(2000) },
      ],
    });
  });

  test("of one that failed has the error, of the attempt too", () => {
    const error = {
      code: "model_not_found",
      message: 'task "bad": it was model_not_found',
      retryable: false,
    };
    expect(view("bad")).toMatchObject({ status: "failed", error, attempts: [{ status: "failed", error }] });
  });

  test("of one that was skipped has the reason, and no params", () => {
    const seen = view("after");
    expect(seen).toMatchObject({
      status: "skipped",
      skipReason: { kind: "dependency", taskId: "bad" },
      dependencies: ["bad"],
      attemptCount: 0,
    });
    expect("params" in seen).toBe(false);
  });

  test("of one that waits for its next try has the error of the last", () => {
    expect(view("again")).toMatchObject({ status: "retrying", error: { code: "timeout" }, attemptCount: 1 });
  });

  test("of one that runs has an attempt without an end", () => {
    expect(view("runs").attempts).toEqual([{ number: 1, status: "running", startedAt: iso(0) }]);
  });

  test("has params as resolved, once what they refer to is there", () => {
    const drive = started("a b:a c:b", {
      tasks: { b: { params: { x: "${a.n}" } }, c: { params: { x: "${b.no}" } } },
    });
    const ada = new Executor(drive);
    ada.sync();
    expect(viewTask(drive.run, "b", drive.read).params).toBeUndefined();
    ada.complete("a", { n: 5 });
    expect(viewTask(drive.run, "b", drive.read).params).toEqual({ x: 5 });
    ada.complete("b", {});
    expect(viewTask(drive.run, "c", drive.read)).toMatchObject({ status: "failed" });
    expect(viewTask(drive.run, "c", drive.read).params).toBeUndefined();
  });

  test("has the last attempts, and of their errors the newest whole", () => {
    const drive = started("a");
    const error = makeTaskError("timeout", "m".repeat(1000), { stdout: "x".repeat(16_000) });
    const attempts = Array.from({ length: LIMITS.viewedAttempts + 100 }, (_, index) => ({
      number: index + 1,
      session: "s",
      startedAt: START,
      instance: undefined,
      tried: [],
      end: { status: "failed" as const, at: START, error },
    }));
    drive.run.tasks.get("a")?.attempts.push(...attempts);
    const seen = viewTask(drive.run, "a", drive.read);
    expect([seen.attemptCount, seen.attempts.length]).toEqual([attempts.length, LIMITS.viewedAttempts]);
    expect(seen.attempts.at(-1)).toMatchObject({ number: attempts.length, error });
    expect(seen.attempts[0]).toMatchObject({ number: 101, error: { code: "timeout", retryable: true } });
    expect(seen.attempts[0]?.error?.message).toBe(`${"m".repeat(LIMITS.shortMessageChars)}…`);
    expect(JSON.stringify(seen).length).toBeLessThan(2 * LIMITS.viewedErrorBytes);
  });

  test("marks attempts that were lost, given back or cancelled", () => {
    const drive = started("a");
    const ada = new Executor(drive);
    ada.sync();
    ada.giveBack("a", "no_slot");
    drive.wait(drive.run.leaseMs);
    ada.sync();
    drive.tell({ type: "cancel", actor: "me" });
    expect(taskDetail.parse(viewTask(drive.run, "a", drive.read)).attempts).toMatchObject([
      { number: 1, status: "returned", error: { code: "unavailable" } },
      { number: 2, status: "failed", lost: true, error: { code: "attempt_lost" } },
      { number: 3, status: "cancelled" },
    ]);
  });
});
