/** What a session says, what it is told, and what gets lost between the two. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../src/contract/limits.ts";
import type { SyncRequest } from "../../src/contract/sync.ts";
import { invited } from "../../src/engine/invite.ts";
import { type Drive, started, told } from "./drive.ts";
import { completed, Executor, failed, given } from "./executor.ts";
import { crowd, llm } from "./shape.ts";

describe("an answer that got lost", () => {
  test("is given again with the next sync: the same attempts, nothing begins anew", () => {
    const drive = started("a b", { tasks: { b: llm() } });
    const ada = new Executor(drive);
    ada.say();
    expect(given(ada.sync())).toEqual(["a", "b?"]);
    expect(ada.call("a").attempt).toBe(1);
    expect(drive.log.slice(3)).toEqual(["a started #1"]);
  });

  test("is given again when the same is said again", () => {
    const drive = started("a b:a");
    const ada = new Executor(drive);
    ada.sync();
    ada.say({ ended: [ada.ended("a", completed(1))] });
    expect(given(ada.repeat())).toEqual(["b"]);
    expect(drive.log.slice(-2)).toEqual(["b queued", "b started #1"]);
  });

  test("strands no attempt that had begun", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    ada.say({ begun: [{ ...ada.ref("a"), instance: "spark" }] });
    expect(given(ada.repeat())).toEqual(["a"]);
    expect(ada.call("a").attempt).toBe(1);
  });

  test("counts as room that is taken: saying the same again brings the same, not twice as much", () => {
    const drive = started(crowd(8), { tasks: { t1: llm(), t3: llm(), t5: llm(), t7: llm() } });
    const ada = new Executor(drive);
    ada.say({ room: { calls: 2, instant: 2 } });
    expect(given(ada.repeat()).toSorted()).toEqual(["t0", "t1?", "t2", "t3?"]);
  });

  test("does not take the room of tasks that need no provider by attempts that begin", () => {
    const drive = started("a b", { tasks: { a: llm() } });
    const ada = new Executor(drive);
    ada.sync({ room: { calls: 1, instant: 0 } });
    const begun = [{ ...ada.ref("a"), instance: "spark" }];
    expect(given(ada.sync({ begun, room: { calls: 0, instant: 1 } }))).toEqual(["a", "b"]);
  });

  test("is given again after an eviction too, for attempts that were recorded", () => {
    const drive = started("a");
    const ada = new Executor(drive);
    ada.say();
    drive.evict();
    expect(given(ada.sync())).toEqual(["a"]);
  });
});

describe("saying the same twice", () => {
  test("completes a task once", () => {
    const drive = started("a b:a");
    const ada = new Executor(drive);
    ada.sync();
    ada.complete("a", 1);
    const before = drive.log;
    ada.repeat();
    expect(drive.log).toEqual(before);
  });

  test("counts a failure once", () => {
    const drive = started("a", { each: { retry: { baseDelay: 0, maxAttempts: 3 } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "timeout");
    ada.repeat();
    ada.repeat();
    expect(drive.log.slice(-3)).toEqual(["a retrying #1 (failed)", "a queued", "a started #2"]);
  });

  test("counts its invitations once", () => {
    const drive = started("a");
    invited(drive.run, 3, drive.now);
    const ada = new Executor(drive);
    ada.sync({ invitations: 1 });
    ada.repeat();
    expect(drive.run.live.invitations.outstanding).toBe(2);
  });
});

describe("an older sync that arrives after a newer one", () => {
  function overtaken(drive: Drive, say: Partial<SyncRequest>) {
    const older = { ended: [], begun: [], holding: [], room: { calls: 6, instant: 48 }, invitations: 0 };
    return drive.tell({ type: "sync", request: { session: "ada", seq: 1, ...older, ...say } });
  }

  test("changes nothing and gets nothing", () => {
    const drive = started("a b", { maxParallelTasks: 1 });
    const ada = new Executor(drive);
    ada.sync();
    ada.sync();
    const late = overtaken(drive, { ended: [ada.ended("a", failed("timeout"))] });
    expect([told(late), late.answer?.work, late.answer?.drop]).toEqual([[], [], []]);
    expect(ada.complete("a").work).toHaveLength(1);
  });

  test("does not renew the session's lease", () => {
    const drive = started("a");
    const ada = new Executor(drive);
    ada.sync();
    ada.sync();
    drive.now += drive.run.leaseMs / 2;
    overtaken(drive, { holding: [ada.ref("a")] });
    expect(told(drive.wait(drive.run.leaseMs / 2))).toEqual(["a retrying #1 (lost)", "a queued"]);
  });
});

describe("what a session holds", () => {
  const stranger = { taskId: "a", attempt: 1 };

  test("it may go on with, and is not given again", () => {
    const ada = new Executor(started("a b", { tasks: { b: llm() } }));
    ada.sync();
    expect(ada.sync()).toMatchObject({ work: [], drop: [] });
  });

  test("it must drop where another session has the attempt", () => {
    const drive = started("a");
    new Executor(drive, "ada").sync();
    expect(new Executor(drive, "bob").sync({ holding: [stranger] }).drop).toEqual([stranger]);
  });

  test("it must drop where the offer was made to another session", () => {
    const drive = started("a", { each: llm() });
    new Executor(drive, "ada").sync();
    expect(new Executor(drive, "bob").sync({ holding: [stranger] }).drop).toEqual([stranger]);
  });

  test.each([
    ["a task the run does not have", { taskId: "z", attempt: 1 }],
    ["an attempt that has not begun", { taskId: "a", attempt: 2 }],
    ["a task that waits", { taskId: "b", attempt: 1 }],
  ])("it must drop where it is %s", (_, ref) => {
    const drive = started("a b:a", { maxParallelTasks: 1 });
    new Executor(drive, "bob").sync();
    expect(new Executor(drive).sync({ holding: [ref] }).drop).toEqual([ref]);
  });

  test("it must drop where the attempt is over", () => {
    const drive = started("a b");
    const ada = new Executor(drive);
    ada.sync();
    const ref = ada.ref("a");
    ada.complete("a");
    expect(ada.sync({ holding: [ref, ada.ref("b")] }).drop).toEqual([ref]);
  });

  test("it must drop when the run has ended", () => {
    const drive = started("a");
    const ada = new Executor(drive);
    ada.sync();
    drive.tell({ type: "cancel", actor: "local" });
    expect(ada.sync().drop).toEqual([stranger]);
  });
});

describe("what a session begins", () => {
  const begun = [{ taskId: "a", attempt: 1, instance: "spark" }];

  test("is recorded with its instance before the call is made", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    const decision = ada.say({ begun });
    expect(decision.events).toEqual([
      { type: "task.started", taskId: "a", attempt: 1, session: "ada", instance: "spark" },
    ]);
    expect(decision.answer?.work).toMatchObject([
      { kind: "call", taskId: "a", attempt: 1, timeoutMs: 300_000 },
    ]);
  });

  test.each([
    ["was offered to another session", 1, "a"],
    ["is another attempt than was offered", 2, "a"],
    ["is no task of the run", 1, "z"],
  ])("is dropped where it %s", (_, attempt, taskId) => {
    const drive = started("a", { each: llm() });
    new Executor(drive, "ada").sync();
    const answer = new Executor(drive, "bob").sync({ begun: [{ taskId, attempt, instance: "spark" }] });
    expect(answer).toMatchObject({ work: [], drop: [{ taskId, attempt }] });
    expect(drive.statusOf("a")).toBe("queued");
  });

  test("begins though the offer was forgotten in an eviction", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    drive.evict();
    expect(given(ada.begin("a"))).toEqual(["a"]);
  });

  test("is dropped where the offer was forgotten and the run lets no more tasks out", () => {
    const drive = started("a b", { each: llm(), maxParallelTasks: 1 });
    const ada = new Executor(drive);
    ada.sync();
    drive.evict();
    expect(
      given(new Executor(drive, "bob").sync({ begun: [{ taskId: "b", attempt: 1, instance: "x" }] })),
    ).toEqual(["b"]);
    expect(ada.sync({ begun }).drop).toMatchObject([{ taskId: "a" }]);
    expect(drive.statusOf("a")).toBe("queued");
  });

  test("fails before it begins where its references have ceased to resolve", () => {
    const drive = started("a", { each: { ...llm(), params: { x: "${inputs.y}" } } });
    const answer = new Executor(drive).sync({ begun, room: { calls: 0, instant: 0 } });
    expect(answer).toMatchObject({ work: [], drop: [{ taskId: "a", attempt: 1 }] });
    expect(drive.log.slice(-2)).toEqual(["a failed", "run failed"]);
  });
});

describe("an offer that the run forgot in an eviction", () => {
  test("is taken up again when its session mentions it, and goes to nobody else", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    drive.evict();
    expect(ada.sync().drop).toEqual([]);
    expect(new Executor(drive, "bob").sync().work).toEqual([]);
  });

  test("is dropped where another session was quicker", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive, "ada");
    ada.sync();
    drive.evict();
    expect(given(new Executor(drive, "bob").sync())).toEqual(["a?"]);
    expect(ada.sync().drop).toEqual([{ taskId: "a", attempt: 1 }]);
  });

  test("is dropped where the run lets no more tasks out", () => {
    const drive = started("a b", { each: llm(), maxParallelTasks: 1 });
    const ada = new Executor(drive, "ada");
    ada.sync();
    drive.evict();
    new Executor(drive, "bob").sync({
      holding: [{ taskId: "b", attempt: 1 }],
      room: { calls: 0, instant: 0 },
    });
    expect(ada.sync().drop).toEqual([{ taskId: "a", attempt: 1 }]);
  });
});

test("a session that has nothing is remembered for a lease: an old sync of it that arrives late gets no work", () => {
  const drive = started("a", { each: llm() });
  const ada = new Executor(drive);
  const nothing = { room: { calls: 0, instant: 0 } };
  ada.sync(nothing);
  ada.sync(nothing);
  expect(given(new Executor(drive, "ada").sync())).toEqual([]);
  drive.wait(2 * TIMING.leaseMs);
  drive.tell({ type: "wake" });
  expect([...drive.run.live.sessions.keys()]).toEqual([]);
});

test("an answer tells whether somebody wants tokens", () => {
  const drive = started("a");
  const ada = new Executor(drive);
  expect(ada.sync().follow).toBe(false);
  drive.run.live.followed = true;
  expect(ada.sync().follow).toBe(true);
});
