/** Defects of the original that must not come back, as far as they are the engine's: one named test each. */
import { expect, test } from "vitest";
import { nextDue } from "../../src/engine/due.ts";
import { type Drive, idOf, started } from "./drive.ts";
import { completed, Executor, given } from "./executor.ts";
import { chain } from "./shape.ts";

/** Takes and completes whatever there is until there is no more; gives the number of syncs. */
function runThrough(drive: Drive): number {
  const ada = new Executor(drive);
  let syncs = 1;
  for (let answer = ada.sync(); answer.work.length > 0; syncs++) {
    answer = ada.sync({ ended: answer.work.map(({ taskId }) => ada.ended(taskId, completed(taskId))) });
  }
  return syncs;
}

test("dependents of a failed task do not run", () => {
  const drive = started("a b:a c:b");
  const ada = new Executor(drive);
  ada.sync();
  expect(given(ada.failWith("a", "script_failed"))).toEqual([]);
  expect([drive.statusOf("b"), drive.statusOf("c")]).toEqual(["skipped", "skipped"]);
});

test("a failed script does not count as completed", () => {
  const drive = started("a");
  const ada = new Executor(drive);
  ada.sync();
  ada.failWith("a", "script_failed");
  expect([drive.statusOf("a"), drive.run.state.status]).toEqual(["failed", "failed"]);
});

test("an unresolved reference reaches nobody as text", () => {
  const drive = started("a b:a", { tasks: { b: { params: { prompt: "Sum up: ${a.no.such.key}" } } } });
  const ada = new Executor(drive);
  ada.sync();
  expect(ada.complete("a", { no: {} }).work).toEqual([]);
  expect(drive.statusOf("b")).toBe("failed");
});

test("retries have an effect", () => {
  const drive = started("a", { each: { retry: { baseDelay: 0 } } });
  const ada = new Executor(drive);
  ada.sync();
  ada.failWith("a", "script_failed");
  ada.complete("a");
  expect(drive.run.state.status).toBe("completed");
});

test("timeouts have an effect, of tasks and of runs, with nobody but the alarm to enforce them", () => {
  const drive = started("a", { timeout: 30, each: { timeout: 2 } });
  new Executor(drive).sync();
  drive.wait(nextDue(drive.run) - drive.now);
  expect(drive.statusOf("a")).toBe("retrying");
  while (drive.run.state.status === "running") drive.wait(nextDue(drive.run) - drive.now);
  expect(drive.run.state).toMatchObject({ status: "failed", error: { code: "run_timeout" } });
});

test("a chain longer than the concurrency limit does not stall", () => {
  const drive = started(chain(50).join(" "), { maxParallelTasks: 1 });
  runThrough(drive);
  expect(drive.run.state.status).toBe("completed");
});

test("a chain of 10,000 listed last-first neither overflows nor takes more than a sync a task", () => {
  const drive = started(chain(10_000).toReversed().join(" "));
  expect(runThrough(drive)).toBe(10_001);
  expect(drive.run.state.status).toBe("completed");
});

test("a chain of 10,000 listed last-first whose first task fails is skipped to its end", () => {
  const drive = started(chain(10_000).toReversed().join(" "));
  const ada = new Executor(drive);
  ada.sync();
  ada.failWith("t0", "script_failed");
  expect(drive.statusOf("t9999")).toBe("skipped");
  drive.tell({ type: "retry", actor: "local", from: "t0" });
  expect(drive.run.unfinished).toBe(10_000);
});

test("null results are results", () => {
  const drive = started("a b:a", { tasks: { b: { params: { x: "${a}" } } } });
  const ada = new Executor(drive);
  ada.sync();
  ada.complete("a", null);
  expect(ada.params("b")).toEqual({ x: null });
});

test("results of two runs of one workflow do not mix", () => {
  const setting = { tasks: { b: { params: { x: "${a}" } } } };
  const one = started("a b:a", { ...setting, id: idOf(1) });
  const two = started("a b:a", { ...setting, id: idOf(2) });
  const forOne = new Executor(one);
  const forTwo = new Executor(two);
  forOne.sync();
  forTwo.sync();
  forOne.complete("a", "of one");
  forTwo.complete("a", "of two");
  expect([forOne.params("b"), forTwo.params("b")]).toEqual([{ x: "of one" }, { x: "of two" }]);
  expect(forOne.call("b").idempotencyKey).not.toBe(forTwo.call("b").idempotencyKey);
});
