/** Executors that are not heard of any more. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../src/contract/limits.ts";
import { nextDue } from "../../src/engine/due.ts";
import { taskOf } from "../../src/engine/run.ts";
import { Drive, idOf, started, told } from "./drive.ts";
import { Executor, given } from "./executor.ts";
import { crowd, llm } from "./shape.ts";

/** Ada takes all there is and is not heard of for a lease. */
function loseAll(drive: Drive): void {
  new Executor(drive, `executor ${drive.journal.length}`).sync();
  drive.wait(drive.run.leaseMs);
}

describe("a lease", () => {
  test("ends when its session was silent for so long, not a millisecond earlier", () => {
    const drive = started("a");
    new Executor(drive).sync();
    const whole = Math.ceil(drive.run.leaseMs);
    expect(told(drive.wait(whole - 1))).toEqual([]);
    expect(told(drive.wait(1))).toEqual(["a retrying #1 (lost)", "a queued"]);
  });

  test("is renewed by every sync", () => {
    const drive = started("a");
    const ada = new Executor(drive);
    for (let time = 0; time < 10; time++) {
      ada.sync();
      drive.wait(drive.run.leaseMs - 1);
    }
    expect(drive.statusOf("a")).toBe("running");
  });

  test("is each session's own", () => {
    const drive = started("a b");
    const ada = new Executor(drive, "ada");
    ada.sync({ room: { calls: 0, instant: 1 } });
    const bob = new Executor(drive, "bob");
    bob.sync();
    drive.wait(drive.run.leaseMs / 2);
    bob.sync();
    drive.wait(drive.run.leaseMs / 2);
    expect([drive.statusOf("a"), drive.statusOf("b")]).toEqual(["queued", "running"]);
  });

  test("is granted in full when the run is loaded, since renewals are not written", () => {
    const drive = started("a");
    new Executor(drive).sync();
    drive.now += drive.run.leaseMs * 3;
    drive.evict();
    expect(told(drive.wait(drive.run.leaseMs - 1))).toEqual([]);
    expect(told(drive.wait(1))).toEqual(["a retrying #1 (lost)", "a queued"]);
  });

  test("differs from run to run, and always outlasts the time after which an executor gives its calls up", () => {
    const leases = Array.from(
      { length: 500 },
      (_, number) => new Drive("a", { id: idOf(number) }).run.leaseMs,
    );
    expect(Math.min(...leases)).toBeGreaterThan(TIMING.leaseAbortMs);
    expect(Math.max(...leases)).toBeLessThanOrEqual(TIMING.leaseMs * (1 + TIMING.spread));
    expect(new Set(leases).size).toBeGreaterThan(400);
  });

  test("that ends frees the offers of its session, for everybody", () => {
    const drive = started("a", { each: llm() });
    new Executor(drive).sync();
    expect(told(drive.wait(drive.run.leaseMs))).toEqual([]);
    expect(given(new Executor(drive, "bob").sync())).toEqual(["a?"]);
  });

  test("that ends has its executor told to stop, should it still be there", () => {
    const drive = started("a b");
    new Executor(drive).sync();
    expect(drive.wait(drive.run.leaseMs).pushes).toEqual([
      {
        session: "ada",
        drop: [
          { taskId: "a", attempt: 1 },
          { taskId: "b", attempt: 1 },
        ],
        follow: false,
      },
    ]);
  });
});

describe("a lost attempt", () => {
  test("is made again at once, under the same idempotency key", () => {
    const drive = started("a");
    const ada = new Executor(drive, "ada");
    ada.sync();
    drive.wait(drive.run.leaseMs);
    const bob = new Executor(drive, "bob");
    bob.sync();
    expect(bob.call("a").attempt).toBe(2);
    expect(bob.call("a").idempotencyKey).toBe(ada.call("a").idempotencyKey);
  });

  test("does not count against maxAttempts", () => {
    const drive = started("a", { each: { retry: { maxAttempts: 2, baseDelay: 0 } } });
    loseAll(drive);
    loseAll(drive);
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "timeout");
    expect([drive.statusOf("a"), ada.call("a").attempt]).toEqual(["running", 4]);
    ada.failWith("a", "timeout");
    expect(drive.statusOf("a")).toBe("failed");
  });

  test("fails the task with attempt_lost when it is the third in a row", () => {
    const drive = started("a b:a", { each: { retry: { maxAttempts: 10 } } });
    for (let time = 0; time < 3; time++) loseAll(drive);
    expect(taskOf(drive.run, "a").state).toMatchObject({ status: "failed", error: { code: "attempt_lost" } });
    expect(drive.log.slice(-3)).toEqual(["a failed #3", "b skipped", "run failed"]);
    expect(taskOf(drive.run, "a").attempts.map(({ end }) => end?.status)).toEqual(["lost", "lost", "lost"]);
  });

  test("starts the row anew after an attempt that ended otherwise", () => {
    const drive = started("a", { each: { retry: { baseDelay: 0 } } });
    loseAll(drive);
    loseAll(drive);
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "timeout");
    drive.wait(drive.run.leaseMs);
    loseAll(drive);
    expect(drive.statusOf("a")).toBe("queued");
    loseAll(drive);
    expect(drive.statusOf("a")).toBe("failed");
  });

  test("does not start the row anew by being given back", () => {
    const drive = started("a");
    loseAll(drive);
    loseAll(drive);
    const ada = new Executor(drive);
    ada.sync();
    ada.giveBack("a", "no_slot");
    drive.wait(drive.run.leaseMs);
    expect(drive.statusOf("a")).toBe("failed");
  });

  test("is the last where maxAttempts is 1", () => {
    const drive = started("a", { each: { retry: { maxAttempts: 1 } } });
    loseAll(drive);
    expect(taskOf(drive.run, "a").state).toMatchObject({ status: "failed", error: { code: "attempt_lost" } });
  });

  test("ends a fail_fast run once, however many its executor had", () => {
    const drive = started(crowd(3), { onFailure: "fail_fast", each: { retry: { maxAttempts: 1 } } });
    loseAll(drive);
    expect(drive.log.slice(-4)).toEqual(["t0 failed #1", "t1 cancelled", "t2 cancelled", "run failed"]);
    expect(drive.run.unfinished).toBe(0);
  });
});

describe("the idempotency key", () => {
  test("names run, task and counted try, and is another one for each of these", () => {
    const drive = started("a", { each: { retry: { baseDelay: 0 } } });
    const ada = new Executor(drive);
    ada.sync();
    expect(ada.call("a").idempotencyKey).toBe(`${drive.definition.id}:a:1`);
    ada.failWith("a", "timeout");
    expect(ada.call("a").idempotencyKey).toBe(`${drive.definition.id}:a:2`);
  });

  test("stays the same for an attempt that was given back", () => {
    const ada = new Executor(started("a"));
    ada.sync();
    const { idempotencyKey } = ada.call("a");
    ada.giveBack("a", "no_slot");
    expect(ada.call("a").idempotencyKey).toBe(idempotencyKey);
  });

  test.each<[string, (executor: Executor) => void]>([
    ["completed", (ada) => ada.complete("a")],
    ["failed", (ada) => ada.failWith("a", "script_failed")],
  ])("is a new one when a task that %s is done again in a retried run", (_, end) => {
    const drive = started("a");
    const ada = new Executor(drive);
    ada.sync();
    end(ada);
    drive.tell({ type: "retry", actor: "local", from: "a" });
    ada.sync();
    expect(ada.call("a").idempotencyKey).toBe(`${drive.definition.id}:a:2`);
  });
});

describe("a lease across loads", () => {
  test("begins anew with the first, since renewals are not written", () => {
    const drive = started("a");
    new Executor(drive).sync();
    drive.now += TIMING.leaseMs;
    drive.evict();
    expect(nextDue(drive.run)).toBe(drive.now + drive.run.leaseMs);
  });

  test("goes on with the others: an object that only its alarm loads loses its silent executors all the same", () => {
    const drive = started("a");
    new Executor(drive).sync();
    for (let waited = 0; waited <= 2 * drive.run.leaseMs; waited += 20_000) {
      drive.evict();
      drive.wait(20_000);
    }
    expect(drive.log).toContain("a retrying #1 (lost)");
  });

  test("begins anew when its session speaks", () => {
    const drive = started("a");
    const ada = new Executor(drive);
    ada.sync();
    for (let times = 0; times < 10; times++) {
      drive.evict();
      drive.wait(20_000);
      ada.sync();
    }
    expect(drive.statusOf("a")).toBe("running");
  });
});
