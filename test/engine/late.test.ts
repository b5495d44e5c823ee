/** Outcomes that come late, or from one who has no say: an attempt is ended once, by the session that has it. */
import { describe, expect, test } from "vitest";
import type { Outcome } from "../../src/contract/sync.ts";
import { type Drive, started, told } from "./drive.ts";
import { completed, Executor, failed, given } from "./executor.ts";
import { llm } from "./shape.ts";

const late = { taskId: "a", attempt: 1 };
const nothing = { calls: 0, instant: 0 };

/** A run whose task was taken from ada, since she was silent for the length of a lease. */
function lost(drive: Drive): { drive: Drive; ada: Executor } {
  const ada = new Executor(drive);
  ada.sync();
  ada.held.clear();
  drive.wait(drive.run.leaseMs + 1);
  return { drive, ada };
}

/** A run whose task was taken from ada, since it took longer than its timeout. */
function timedOut(drive: Drive): { drive: Drive; ada: Executor } {
  const ada = new Executor(drive);
  ada.sync();
  drive.now += 10_000;
  ada.sync();
  ada.held.clear();
  drive.wait(5000);
  return { drive, ada };
}

describe("a result that comes after its attempt was given up", () => {
  test("is taken while the task waits for its next attempt, as the attempt's own", () => {
    const { drive, ada } = lost(started("a b:a"));
    expect(given(ada.sync({ ended: [{ ...late, outcome: completed("late") }] }))).toEqual(["b"]);
    expect(drive.log.slice(-4)).toEqual(["a queued", "a completed #1", "b queued", "b started #1"]);
  });

  test("is taken after a timeout, during the delay before the next try", () => {
    const { drive, ada } = timedOut(started("a", { each: { timeout: 10 } }));
    expect(drive.statusOf("a")).toBe("retrying");
    ada.sync({ ended: [{ ...late, outcome: completed("late") }] });
    expect(drive.run.state.status).toBe("completed");
    expect(told(drive.wait(5000))).toEqual([]);
  });

  test("is taken while the next attempt is only offered, and the offer is withdrawn", () => {
    const { drive, ada } = lost(withSlot(started("a b:a", { tasks: { a: llm() } })));
    const bob = new Executor(drive, "bob");
    expect(given(bob.sync())).toEqual(["a?"]);
    ada.sync({ ended: [{ ...late, outcome: completed("late") }], room: nothing });
    expect(bob.begin("a").drop).toMatchObject([{ taskId: "a", attempt: 2 }]);
    expect(drive.statusOf("a")).toBe("completed");
  });

  test("is not taken once a later attempt has begun: that one's is", () => {
    const { drive, ada } = lost(started("a"));
    const bob = new Executor(drive, "bob");
    bob.sync();
    ada.sync({ ended: [{ ...late, outcome: completed("late") }] });
    expect(drive.statusOf("a")).toBe("running");
    bob.complete("a", "in time");
    expect(drive.read("a", 2)).toBe("in time");
  });

  test("is not taken once the task has failed for good", () => {
    const { drive, ada } = lost(started("a b:a", { each: { retry: { maxAttempts: 1 } } }));
    ada.sync({ ended: [{ ...late, outcome: completed("late") }] });
    expect([drive.statusOf("a"), drive.statusOf("b")]).toEqual(["failed", "skipped"]);
  });

  test("is not taken in another generation: what the task depends on may have changed", () => {
    const { drive, ada } = lost(started("a", { each: { retry: { maxAttempts: 1 } } }));
    drive.tell({ type: "retry", actor: "local" });
    ada.sync({ ended: [{ ...late, outcome: completed("late") }], room: nothing });
    expect(drive.statusOf("a")).toBe("queued");
  });

  test("is not taken where the run was told the attempt failed", () => {
    const drive = started("a");
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "connection_failed");
    ada.sync({ ended: [{ ...late, outcome: completed("late") }] });
    expect(drive.statusOf("a")).toBe("retrying");
  });

  /** The task's one attempt has begun already. */
  function withSlot(drive: Drive): Drive {
    const first = new Executor(drive, "ada");
    first.sync();
    first.begin("a");
    return drive;
  }
});

test.each<[string, Outcome]>([
  ["failure", failed("timeout")],
  ["return", { kind: "returned", reason: "no_slot" }],
])("a %s that comes after its attempt was given up changes nothing", (_, outcome) => {
  const { drive, ada } = lost(started("a"));
  expect(told(ada.say({ ended: [{ ...late, outcome }], room: nothing }))).toEqual([]);
  expect(drive.statusOf("a")).toBe("queued");
});

describe("an outcome", () => {
  test("of a task the run does not have is ignored", () => {
    const drive = started("a");
    const decision = new Executor(drive).say({
      ended: [{ taskId: "z", attempt: 1, outcome: completed(1) }],
      room: nothing,
    });
    expect(told(decision)).toEqual([]);
  });

  test("of an attempt that was never made is ignored", () => {
    const drive = started("a");
    new Executor(drive).say({ ended: [{ ...late, outcome: completed(1) }], room: nothing });
    expect(drive.statusOf("a")).toBe("queued");
  });

  test.each<[string, Outcome]>([
    ["given back", { kind: "returned", reason: "parked" }],
    ["failed", failed("no_provider")],
    ["completed", completed("of another")],
  ])("%s by a session whose offer was forgotten does not end the attempt of another", (_, outcome) => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive, "ada");
    ada.sync();
    drive.evict();
    const bob = new Executor(drive, "bob");
    bob.sync();
    bob.begin("a");
    ada.sync({ ended: [ada.ended("a", outcome)] });
    expect(drive.statusOf("a")).toBe("running");
    bob.complete("a", "his own");
    expect(drive.read("a", 1)).toBe("his own");
  });

  test("is taken in a paused run", () => {
    const drive = started("a b:a");
    const ada = new Executor(drive);
    ada.sync();
    drive.tell({ type: "pause", actor: "local" });
    expect(ada.complete("a").work).toEqual([]);
    expect([drive.statusOf("a"), drive.statusOf("b")]).toEqual(["completed", "queued"]);
  });
});
