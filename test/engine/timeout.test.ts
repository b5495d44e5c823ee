/** Timeouts: of one attempt, which its executor keeps and the run checks, and of the whole run. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../src/contract/limits.ts";
import { nextDue } from "../../src/engine/due.ts";
import { taskOf } from "../../src/engine/run.ts";
import { Drive, started, told } from "./drive.ts";
import { Executor } from "./executor.ts";
import { llm } from "./shape.ts";

/** Time passes while the executor goes on renewing its lease. */
function workOn(drive: Drive, executor: Executor, ms: number): void {
  for (let left = ms; left > 0; left -= TIMING.renewMs) {
    drive.now += Math.min(left, TIMING.renewMs);
    executor.sync({ room: { calls: 0, instant: 0 } });
  }
}

describe("the timeout of a task", () => {
  const timeout = 60;

  test("is what the task says, else the defaults, else its method, else 300 s", () => {
    const timeoutMs = (drive: Drive): number => {
      const ada = new Executor(drive);
      ada.sync();
      return ada.call("a").timeoutMs;
    };
    const methodDefaults = { "echo/echo": { timeout: 30 } };
    const defaults = { timeout: 20 };
    expect(timeoutMs(started("a", { each: { timeout: 10 }, defaults, methodDefaults }))).toBe(10_000);
    expect(timeoutMs(started("a", { defaults, methodDefaults }))).toBe(20_000);
    expect(timeoutMs(started("a", { methodDefaults }))).toBe(30_000);
    expect(timeoutMs(started("a"))).toBe(300_000);
  });

  test("is for the executor to keep: the run waits for 5 s more", () => {
    const drive = started("a", { each: { timeout, retry: { jitter: false } } });
    const ada = new Executor(drive);
    ada.sync();
    workOn(drive, ada, 64_999);
    expect(drive.statusOf("a")).toBe("running");
    expect(nextDue(drive.run)).toBe(drive.now + 1);
    const decision = drive.wait(1);
    expect(told(decision)).toEqual(["a retrying #1 (failed)"]);
    expect(decision.pushes).toEqual([{ session: "ada", drop: [{ taskId: "a", attempt: 1 }], follow: false }]);
    expect(taskOf(drive.run, "a").state).toMatchObject({
      error: { code: "timeout", message: 'task "a": attempt 1 took longer than its timeout of 60 s' },
      dueAt: drive.now + 1000,
    });
  });

  test("counts against maxAttempts", () => {
    const drive = started("a", { each: { timeout, retry: { maxAttempts: 1 } } });
    const ada = new Executor(drive);
    ada.sync();
    workOn(drive, ada, 65_000);
    expect(taskOf(drive.run, "a").state).toMatchObject({ status: "failed", error: { code: "timeout" } });
  });

  test("starts with the attempt, not while the task waits for a slot", () => {
    const drive = started("a", { each: { ...llm(), timeout } });
    const ada = new Executor(drive);
    ada.sync();
    workOn(drive, ada, 600_000);
    ada.begin("a");
    workOn(drive, ada, 60_000);
    expect(drive.statusOf("a")).toBe("running");
  });

  test("of an attempt that has ended is no reason to wake", () => {
    const drive = started("a b", { tasks: { a: { timeout: 1 } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.complete("a");
    expect(nextDue(drive.run)).toBe(drive.now + drive.run.leaseMs);
    expect(told(drive.wait(6000))).toEqual([]);
  });

  test("is kept across an eviction", () => {
    const drive = started("a", { each: { timeout } });
    const ada = new Executor(drive);
    ada.sync();
    workOn(drive, ada, 60_000);
    drive.evict();
    workOn(drive, ada, 5000);
    expect(drive.statusOf("a")).toBe("retrying");
  });
});

describe("the timeout of the run", () => {
  test("ends it with run_timeout, cancels what is left and has executors told", () => {
    const drive = started("a b c:a", { timeout: 10 });
    const ada = new Executor(drive);
    ada.sync();
    ada.complete("b");
    expect(told(drive.wait(9999))).toEqual([]);
    const decision = drive.wait(1);
    expect(told(decision)).toEqual(["a cancelled", "c cancelled", "run failed"]);
    expect(decision.pushes[0]?.drop).toEqual([{ taskId: "a", attempt: 1 }]);
    expect(drive.run.state).toMatchObject({
      error: { code: "run_timeout", message: "the run was not done after 10 s" },
    });
  });

  test("counts from its start, not from when it was made", () => {
    const drive = new Drive("a", { timeout: 10 });
    drive.now += 5000;
    drive.start();
    expect(nextDue(drive.run)).toBe(drive.now + 10_000);
  });

  test("counts without the time for which it was paused", () => {
    const drive = started("a", { timeout: 10 });
    drive.wait(4000);
    drive.tell({ type: "pause", actor: "local" });
    drive.wait(100_000);
    expect(drive.run.state.status).toBe("paused");
    drive.tell({ type: "resume", actor: "local" });
    drive.wait(5999);
    expect(drive.run.state.status).toBe("running");
    drive.wait(1);
    expect(drive.run.state.status).toBe("failed");
  });

  test("is done before anything else that is asked at that time", () => {
    const drive = started("a", { timeout: 10 });
    const ada = new Executor(drive);
    ada.sync();
    drive.now += 10_000;
    ada.complete("a");
    expect(drive.statusOf("a")).toBe("cancelled");
  });

  test("begins anew when the run is retried", () => {
    const drive = started("a", { timeout: 10 });
    drive.wait(10_000);
    drive.now += 50_000;
    drive.tell({ type: "retry", actor: "local" });
    drive.wait(9999);
    expect(drive.run.state.status).toBe("running");
    drive.wait(1);
    expect(drive.run.state.status).toBe("failed");
  });
});
