/** What a task's failure does to the others and to the run. */
import { describe, expect, test } from "vitest";
import { taskOf } from "../../src/engine/run.ts";
import { type Drive, started, told } from "./drive.ts";
import { completed, Executor, failed, given } from "./executor.ts";
import { crowd } from "./shape.ts";

/** Fails the tasks named, completes the rest. */
function playOut(drive: Drive, failing: string[]): void {
  const ada = new Executor(drive);
  for (let answer = ada.sync(); answer.work.length > 0; ) {
    const ended = answer.work.map(({ taskId }) =>
      ada.ended(taskId, failing.includes(taskId) ? failed("script_failed") : completed(taskId)),
    );
    answer = ada.sync({ ended });
  }
}

function statusesOf(drive: Drive): string[] {
  return [...drive.run.tasks.values()].map(({ state }) => state.status);
}

function errorOfRun({ run }: Drive): unknown {
  return run.state.status === "failed" ? run.state.error : undefined;
}

describe("skip_dependents", () => {
  test("skips all that come after a failed task, however far, each with the task that failed as reason", () => {
    const drive = started("a b:a c:b d:c,other other");
    playOut(drive, ["a"]);
    expect(statusesOf(drive)).toEqual(["failed", "skipped", "skipped", "skipped", "completed"]);
    for (const id of ["b", "c", "d"]) {
      expect(taskOf(drive.run, id).state).toMatchObject({ reason: { kind: "dependency", taskId: "a" } });
    }
  });

  test("lets independent tasks go on, then the run ends failed and names what failed", () => {
    const drive = started("a other next:other");
    playOut(drive, ["a"]);
    expect(statusesOf(drive)).toEqual(["failed", "completed", "completed"]);
    expect(errorOfRun(drive)).toEqual({
      code: "task_failed",
      message: 'task "a": it was script_failed',
      retryable: false,
      details: { tasks: ["a"] },
    });
  });

  test("skips a task once, for the first of its dependencies that failed", () => {
    const drive = started("a b c:a,b d:c");
    playOut(drive, ["a", "b"]);
    expect(drive.log.filter((line) => line.endsWith("skipped"))).toEqual(["c skipped", "d skipped"]);
    expect(taskOf(drive.run, "d").state).toMatchObject({ reason: { taskId: "a" } });
  });

  test("skips what depends on a skipped task even where that was allowed to fail", () => {
    const drive = started("a b:a c:b", { tasks: { b: { allowFailure: true } } });
    playOut(drive, ["a"]);
    expect(statusesOf(drive)).toEqual(["failed", "skipped", "skipped"]);
  });

  test("names three of many failed tasks, and counts the rest", () => {
    const drive = started(crowd(5));
    playOut(drive, ["t0", "t1", "t2", "t3", "t4"]);
    expect(errorOfRun(drive)).toMatchObject({
      message: expect.stringMatching(/task "t2": it was script_failed; and 2 more$/),
      details: { tasks: ["t0", "t1", "t2", "t3", "t4"] },
    });
  });
});

describe("fail_fast", () => {
  test("cancels the rest at once and tells those who are at it", () => {
    const drive = started("a b c:b d", { onFailure: "fail_fast", maxParallelTasks: 2 });
    const ada = new Executor(drive, "ada");
    const bob = new Executor(drive, "bob");
    ada.sync({ room: { calls: 0, instant: 1 } });
    bob.sync();
    const decision = ada.say({ ended: [ada.ended("a", failed("script_failed"))] });
    expect(told(decision)).toEqual([
      "a failed #1",
      "b cancelled",
      "c cancelled",
      "d cancelled",
      "run failed",
    ]);
    expect(decision.pushes).toEqual([{ session: "bob", drop: [{ taskId: "b", attempt: 1 }], follow: false }]);
    expect(bob.complete("b").work).toEqual([]);
    expect(drive.statusOf("b")).toBe("cancelled");
  });

  test("waits for the last try", () => {
    const drive = started("a b", { onFailure: "fail_fast" });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "timeout");
    expect(drive.run.state.status).toBe("running");
  });

  test("does not concern a task that is allowed to fail", () => {
    const drive = started("a b:a", { onFailure: "fail_fast", tasks: { a: { allowFailure: true } } });
    playOut(drive, ["a"]);
    expect(drive.run.state.status).toBe("completed");
  });

  test("is final: what else the same sync reports is too late", () => {
    const drive = started("a b", { onFailure: "fail_fast" });
    const ada = new Executor(drive);
    ada.sync();
    ada.sync({ ended: [ada.ended("a", failed("script_failed")), ada.ended("b", failed("script_failed"))] });
    expect(drive.log.slice(-3)).toEqual(["a failed #1", "b cancelled", "run failed"]);
  });
});

describe("allowFailure", () => {
  test("lets dependents run, which see null wherever they refer to the task", () => {
    const drive = started("a b:a", {
      tasks: {
        a: { allowFailure: true },
        b: { params: { whole: "${a}", part: "${a.deep.down}", text: "<${a.x}>" } },
      },
    });
    const ada = new Executor(drive);
    ada.sync();
    expect(given(ada.failWith("a", "script_failed"))).toEqual(["b"]);
    expect(ada.params("b")).toEqual({ whole: null, part: null, text: "<null>" });
    ada.complete("b");
    expect(drive.run.state.status).toBe("completed");
    expect(drive.statusOf("a")).toBe("failed");
  });

  test("does not save a run in which another task failed", () => {
    const drive = started("a b", { tasks: { a: { allowFailure: true } } });
    playOut(drive, ["a", "b"]);
    expect(errorOfRun(drive)).toMatchObject({ details: { tasks: ["b"] } });
  });
});

test("null is a fine result, and what depends on it gets null", () => {
  const drive = started("a b:a", { tasks: { b: { params: { it: "${a}" } } } });
  const ada = new Executor(drive);
  ada.sync();
  ada.complete("a", null);
  expect(ada.params("b")).toEqual({ it: null });
  ada.complete("b", null);
  expect(drive.run.state.status).toBe("completed");
});
