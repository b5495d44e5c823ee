/** A session whose executor says that there is no such session: what it had is lost at once, not when its lease ends. */
import { describe, expect, test } from "vitest";
import { nextDue } from "../../src/engine/due.ts";
import { taskOf } from "../../src/engine/run.ts";
import { type Drive, started, told } from "./drive.ts";
import { Executor, given } from "./executor.ts";
import { crowd, llm } from "./shape.ts";

const gone = (drive: Drive, session: string) => drive.tell({ type: "gone", session });

/** Somebody takes all there is, and is gone. */
function loseAll(drive: Drive): void {
  const name = `executor ${drive.journal.length}`;
  new Executor(drive, name).sync();
  gone(drive, name);
}

describe("a session that is gone", () => {
  test("loses its attempts, which are made again at once under the same idempotency key", () => {
    const drive = started("a b");
    const ada = new Executor(drive, "ada");
    ada.sync();
    expect(told(gone(drive, "ada"))).toEqual([
      "a retrying #1 (lost)",
      "a queued",
      "b retrying #1 (lost)",
      "b queued",
    ]);
    const bob = new Executor(drive, "bob");
    expect(given(bob.sync())).toEqual(["a", "b"]);
    expect([bob.call("a").attempt, bob.call("a").idempotencyKey]).toEqual([2, ada.call("a").idempotencyKey]);
  });

  test("gives its offers free, for everybody", () => {
    const drive = started("a", { each: llm() });
    new Executor(drive, "ada").sync();
    expect(told(gone(drive, "ada"))).toEqual([]);
    expect(given(new Executor(drive, "bob").sync())).toEqual(["a?"]);
  });

  test("takes nothing from the others", () => {
    const drive = started("a b");
    new Executor(drive, "ada").sync({ room: { calls: 0, instant: 1 } });
    const bob = new Executor(drive, "bob");
    bob.sync();
    gone(drive, "ada");
    expect(drive.statusOf("b")).toBe("running");
    bob.complete("b");
    expect(drive.statusOf("b")).toBe("completed");
  });

  test("is not waited for any more", () => {
    const drive = started("a", { each: { timeout: 3600 } });
    new Executor(drive, "ada").sync();
    gone(drive, "ada");
    expect(drive.run.live.sessions.has("ada")).toBe(false);
    expect(nextDue(drive.run)).toBe(drive.now + 3_600_000);
  });

  test.each(["paused", "running"])("loses its attempts in a run that is %s", (status) => {
    const drive = started("a");
    new Executor(drive, "ada").sync();
    if (status === "paused") drive.tell({ type: "pause", actor: "local" });
    gone(drive, "ada");
    expect(drive.log).toContain("a retrying #1 (lost)");
    expect(drive.run.state.status).toBe(status);
  });

  test("may have its result taken all the same, should it be there and have been late", () => {
    const drive = started("a b:a");
    const ada = new Executor(drive, "ada");
    ada.sync();
    gone(drive, "ada");
    const { drop } = ada.sync();
    expect(drop).toEqual([{ taskId: "a", attempt: 1 }]);
    expect(drive.statusOf("a")).toBe("running");
  });
});

describe("nothing happens", () => {
  test("where there is no such session", () => {
    const drive = started("a");
    new Executor(drive, "ada").sync();
    const decision = gone(drive, "nobody");
    expect([decision.events, decision.pushes]).toEqual([[], []]);
    expect(drive.statusOf("a")).toBe("running");
  });

  test("when it is said twice", () => {
    const drive = started("a");
    new Executor(drive, "ada").sync();
    gone(drive, "ada");
    expect(told(gone(drive, "ada"))).toEqual([]);
  });

  test("where the session has ended all it had", () => {
    const drive = started("a b:a");
    const ada = new Executor(drive, "ada");
    ada.sync();
    ada.complete("a");
    new Executor(drive, "bob").sync();
    ada.complete("b");
    expect(told(gone(drive, "ada"))).toEqual([]);
    expect(drive.log.at(-1)).toBe("run completed");
  });

  test("to a run that has ended", () => {
    const drive = started("a");
    new Executor(drive, "ada").sync();
    drive.tell({ type: "cancel", actor: "local" });
    expect(told(gone(drive, "ada"))).toEqual([]);
  });
});

describe("an attempt whose session is gone", () => {
  test("counts as lost, not as a try", () => {
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
  });

  test("is in one row with those whose lease ended", () => {
    const drive = started("a");
    loseAll(drive);
    new Executor(drive, "silent").sync();
    drive.wait(drive.run.leaseMs);
    expect(drive.statusOf("a")).toBe("queued");
    loseAll(drive);
    expect(drive.statusOf("a")).toBe("failed");
  });

  test("is the last where maxAttempts is 1", () => {
    const drive = started("a", { each: { retry: { maxAttempts: 1 } } });
    loseAll(drive);
    expect(taskOf(drive.run, "a").state).toMatchObject({ status: "failed", error: { code: "attempt_lost" } });
  });

  test("ends a fail_fast run once, however many its session had", () => {
    const drive = started(crowd(3), { onFailure: "fail_fast", each: { retry: { maxAttempts: 1 } } });
    loseAll(drive);
    expect(drive.log.slice(-4)).toEqual(["t0 failed #1", "t1 cancelled", "t2 cancelled", "run failed"]);
    expect(drive.run.unfinished).toBe(0);
  });

  test("is lost in the journal, so that a load tells the same", () => {
    const drive = started("a b");
    new Executor(drive, "ada").sync();
    gone(drive, "ada");
    drive.evict();
    expect([drive.statusOf("a"), drive.statusOf("b")]).toEqual(["queued", "queued"]);
    expect(given(new Executor(drive, "bob").sync())).toEqual(["a", "b"]);
  });
});
