/** Cancel, pause, resume, retry: what each does, when it is refused, and that asking twice is asking once. */
import { describe, expect, test } from "vitest";
import type { Command } from "../../src/contract/command.ts";
import { taskOf } from "../../src/engine/run.ts";
import { Drive, started, told } from "./drive.ts";
import { completed, Executor, failed, given } from "./executor.ts";
import { llm } from "./shape.ts";

const actor = "a person";

/** A run in each status. */
const inStatus: Record<string, () => Drive> = {
  pending: () => new Drive("a"),
  running: () => started("a"),
  paused: () => steered(started("a"), "pause"),
  completed: () => ended(started("a"), "complete"),
  failed: () => ended(started("a"), "fail"),
  cancelled: () => steered(started("a"), "cancel"),
};

function steered(drive: Drive, type: "pause" | "cancel"): Drive {
  drive.tell({ type, actor });
  return drive;
}

function ended(drive: Drive, how: "complete" | "fail"): Drive {
  const ada = new Executor(drive);
  ada.sync();
  if (how === "complete") ada.complete("a");
  else ada.failWith("a", "script_failed");
  return drive;
}

describe("a command", () => {
  test.each<[Exclude<Command["type"], "start" | "sync" | "wake" | "slot" | "gone">, string[], string[]]>([
    ["cancel", ["pending", "running", "paused"], ["cancelled"]],
    ["pause", ["running"], ["paused"]],
    ["resume", ["paused"], ["running"]],
    ["retry", ["failed", "cancelled"], []],
  ])(
    "%s changes a run that is %j; where it is %j already nothing happens; else it is refused",
    (type, changed, already) => {
      for (const [status, make] of Object.entries(inStatus)) {
        const { events, refusal } = make().tell({ type, actor });
        expect([status, events.length > 0]).toEqual([status, changed.includes(status)]);
        const isFine = changed.includes(status) || already.includes(status);
        expect([status, refusal?.code]).toEqual([status, isFine ? undefined : "conflict"]);
      }
    },
  );

  test("that is refused says what the run is and what it cannot be", () => {
    const drive = inStatus["completed"]?.() ?? new Drive("a");
    const { refusal } = drive.tell({ type: "pause", actor });
    expect(refusal?.message).toBe(`run ${drive.definition.id} is completed: it cannot be paused`);
    expect(refusal?.details).toEqual({ status: "completed" });
  });

  test("is written down with who gave it", () => {
    const drive = started("a");
    expect(drive.tell({ type: "pause", actor }).events).toEqual([{ type: "run.paused", actor }]);
    expect(drive.tell({ type: "resume", actor }).events).toEqual([{ type: "run.resumed", actor }]);
    expect(drive.tell({ type: "cancel", actor }).events.at(-1)).toEqual({ type: "run.cancelled", actor });
    expect(drive.tell({ type: "retry", actor }).events[0]).toEqual({
      type: "run.retried",
      generation: 2,
      actor,
    });
  });
});

describe("cancel", () => {
  test("ends everything that has not ended, in whatever state, and keeps the rest", () => {
    const drive = started("done running waiting:running retrying queued", { maxParallelTasks: 2 });
    const ada = new Executor(drive);
    ada.sync();
    ada.sync({ ended: [ada.ended("done", completed(1))], room: { calls: 0, instant: 1 } });
    ada.sync({ ended: [ada.ended("retrying", failed("timeout"))], room: { calls: 0, instant: 0 } });
    const decision = drive.tell({ type: "cancel", actor });
    expect(told(decision)).toEqual([
      "running cancelled",
      "waiting cancelled",
      "retrying cancelled",
      "queued cancelled",
      "run cancelled",
    ]);
    expect(decision.pushes).toEqual([
      { session: "ada", drop: [{ taskId: "running", attempt: 1 }], follow: false },
    ]);
    expect(taskOf(drive.run, "retrying").attempts[0]?.end?.status).toBe("failed");
    expect(taskOf(drive.run, "running").attempts[0]?.end?.status).toBe("cancelled");
    expect([drive.run.running, drive.run.unfinished]).toEqual([0, 0]);
  });

  test("withdraws offers", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    drive.tell({ type: "cancel", actor });
    expect(ada.begin("a")).toMatchObject({ work: [], drop: [{ taskId: "a", attempt: 1 }] });
  });
});

describe("pause", () => {
  test("hands nothing out, while what is running goes on", () => {
    const drive = started("a b:a");
    const ada = new Executor(drive);
    ada.sync();
    drive.tell({ type: "pause", actor });
    expect(ada.sync()).toMatchObject({ work: [], drop: [], more: false });
    expect(ada.complete("a")).toMatchObject({ work: [], more: false });
    drive.tell({ type: "resume", actor });
    expect(given(ada.sync())).toEqual(["b"]);
  });

  test("takes offers back, those that begin and those whose answer got lost included", () => {
    const drive = started("a b c", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    drive.tell({ type: "pause", actor });
    ada.held.delete("c");
    const answer = ada.sync({ begun: [{ ...ada.ref("a"), instance: "spark" }] });
    expect(answer.drop).toMatchObject([{ taskId: "b" }, { taskId: "a" }]);
    expect(answer.work).toEqual([]);
    drive.tell({ type: "resume", actor });
    expect(given(ada.sync()).toSorted()).toEqual(["a?", "b?", "c?"]);
  });

  test("lets the run complete when its last task ends", () => {
    const drive = started("a");
    const ada = new Executor(drive);
    ada.sync();
    drive.tell({ type: "pause", actor });
    ada.complete("a");
    expect(drive.run.state.status).toBe("completed");
  });

  test("does not stop the clocks of attempts and retries", () => {
    const drive = started("a b", { tasks: { b: { retry: { jitter: false } } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("b", "timeout");
    drive.tell({ type: "pause", actor });
    expect(told(drive.wait(1000))).toEqual(["b queued"]);
    expect(told(drive.wait(drive.run.leaseMs))).toEqual(["a retrying #1 (lost)", "a queued"]);
  });
});

describe("retry", () => {
  test("does again what did not complete, and keeps what did", () => {
    const drive = started("ok bad after:bad,ok last:after");
    const ada = new Executor(drive);
    ada.sync();
    ada.complete("ok", "kept");
    ada.failWith("bad", "script_failed");
    expect(told(drive.tell({ type: "retry", actor }))).toEqual(["run retried", "bad queued"]);
    expect([...drive.run.tasks.values()].map(({ state }) => state.status)).toEqual([
      "completed",
      "queued",
      "waiting",
      "waiting",
    ]);
    ada.sync();
    for (const id of ["bad", "after", "last"]) ada.complete(id);
    expect(drive.run.state.status).toBe("completed");
    expect(drive.read("ok", 1)).toBe("kept");
  });

  test("with from does that task again and all after it too, and keeps the others", () => {
    const drive = started("a b:a c:b other");
    const ada = new Executor(drive);
    ada.sync();
    ada.complete("other");
    for (const id of ["a", "b", "c"]) ada.complete(id);
    drive.tell({ type: "retry", actor, from: "b" });
    expect(given(ada.sync())).toEqual(["b"]);
    ada.complete("b", "new");
    ada.complete("c");
    expect(taskOf(drive.run, "c").state).toMatchObject({ attempt: 2 });
    expect(taskOf(drive.run, "other").attempts).toHaveLength(1);
    expect(drive.read("b", 2)).toBe("new");
  });

  test("with from does each task once, however many ways lead to it", () => {
    const drive = started("a b:a c:a d:b,c");
    const ada = new Executor(drive);
    ada.sync();
    for (const id of ["a", "b", "c", "d"]) ada.complete(id);
    drive.tell({ type: "retry", actor, from: "a" });
    ada.sync();
    for (const id of ["a", "b", "c", "d"]) ada.complete(id);
    expect(drive.run.unfinished).toBe(0);
    expect(taskOf(drive.run, "d").attempts).toHaveLength(2);
  });

  test("with from does what failed elsewhere again as well", () => {
    const drive = started("a b");
    const ada = new Executor(drive);
    ada.sync();
    ada.complete("a");
    ada.failWith("b", "script_failed");
    drive.tell({ type: "retry", actor, from: "a" });
    expect([drive.statusOf("a"), drive.statusOf("b")]).toEqual(["queued", "queued"]);
  });

  test("knows the task by its name", () => {
    const drive = ended(started("a", { each: { name: "First task" } }), "complete");
    expect(drive.tell({ type: "retry", actor, from: "First task" }).events[0]).toMatchObject({ from: "a" });
  });

  test("from a task there is not is not_found, whatever the run is doing", () => {
    for (const make of Object.values(inStatus)) {
      const drive = make();
      const { refusal } = drive.tell({ type: "retry", actor, from: "z" });
      expect(refusal).toMatchObject({
        code: "not_found",
        message: `run ${drive.definition.id} has no task "z"`,
      });
    }
  });

  test("numbers attempts on, and gives every task its whole budget of tries again", () => {
    const drive = started("a", { each: { retry: { baseDelay: 0, maxAttempts: 2 } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "timeout");
    ada.failWith("a", "timeout");
    expect(drive.run.state.status).toBe("failed");
    drive.tell({ type: "retry", actor });
    ada.sync();
    ada.failWith("a", "timeout");
    expect([drive.statusOf("a"), ada.call("a").attempt]).toEqual(["running", 4]);
    expect(drive.run.generation).toBe(2);
  });

  test("forgets losses", () => {
    const drive = started("a");
    const lose = (): void => {
      new Executor(drive).sync();
      drive.wait(drive.run.leaseMs);
    };
    for (let time = 0; time < 3; time++) lose();
    expect(drive.run.state.status).toBe("failed");
    drive.tell({ type: "retry", actor });
    for (let time = 0; time < 2; time++) lose();
    expect(drive.run.state.status).toBe("running");
  });

  test("leaves nothing to do for the attempts of the generation before", () => {
    const drive = started("a");
    const ada = new Executor(drive);
    ada.sync();
    drive.tell({ type: "cancel", actor });
    drive.tell({ type: "retry", actor });
    expect(ada.sync({ room: { calls: 0, instant: 0 } }).drop).toEqual([{ taskId: "a", attempt: 1 }]);
    expect(drive.statusOf("a")).toBe("queued");
  });

  test("of a run that failed only with its outputs needs the task to begin from", () => {
    const drive = ended(started("a", { outputs: { x: "${a.missing}" } }), "complete");
    expect(drive.run.state.status).toBe("failed");
    expect(drive.tell({ type: "retry", actor }).refusal).toMatchObject({
      code: "conflict",
      message: expect.stringMatching(
        /is failed: it cannot be retried without naming the task to begin from$/,
      ),
    });
    expect(drive.tell({ type: "retry", actor, from: "a" }).refusal).toBeUndefined();
  });

  test("of a completed run with an allowed failure is a conflict, since that counts as done; from its task it is run again", () => {
    const drive = started("shaky after:shaky", { tasks: { shaky: { allowFailure: true } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("shaky", "script_failed");
    ada.complete("after");
    expect([drive.run.state.status, drive.statusOf("shaky")]).toEqual(["completed", "failed"]);
    const { events, refusal } = drive.tell({ type: "retry", actor });
    expect([events, refusal?.code]).toEqual([[], "conflict"]);
    const again = drive.tell({ type: "retry", actor, from: "shaky" });
    expect([told(again), again.refusal]).toEqual([["run retried", "shaky queued"], undefined]);
    ada.sync();
    expect(ada.complete("shaky", "steady").work).toMatchObject([{ taskId: "after", attempt: 2 }]);
    ada.complete("after");
    expect([drive.run.state.status, drive.statusOf("shaky")]).toEqual(["completed", "completed"]);
  });

  test("of a failed run keeps failures that are allowed, and what made do with them", () => {
    const drive = started("shaky after:shaky bad", { tasks: { shaky: { allowFailure: true } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("shaky", "script_failed");
    ada.complete("after");
    ada.failWith("bad", "script_failed");
    expect(told(drive.tell({ type: "retry", actor }))).toEqual(["run retried", "bad queued"]);
    expect([drive.statusOf("shaky"), drive.statusOf("after")]).toEqual(["failed", "completed"]);
  });

  test("of a run that was cancelled before it started starts it", () => {
    const drive = new Drive("a");
    drive.tell({ type: "cancel", actor });
    drive.now += 5;
    drive.tell({ type: "retry", actor });
    expect(drive.run.startedAt).toBe(drive.now);
    expect(given(new Executor(drive).sync())).toEqual(["a"]);
  });
});
