/** When a run is looked at next: the earliest of all its duties. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../src/contract/limits.ts";
import { nextDue } from "../../src/engine/due.ts";
import { countInvitations, impatientAt, invited } from "../../src/engine/invite.ts";
import { Drive, started, told } from "./drive.ts";
import { Executor } from "./executor.ts";
import { llm } from "./shape.ts";

describe("the next due time is the earliest of", () => {
  test("the run's timeout, which a running run always has", () => {
    const drive = started("a", { timeout: 10 });
    expect(nextDue(drive.run)).toBe(drive.now + 10_000);
  });

  test("a session's lease", () => {
    const drive = started("a b");
    new Executor(drive, "ada").sync({ room: { calls: 0, instant: 1 } });
    const first = nextDue(drive.run);
    drive.now += 10;
    new Executor(drive, "bob").sync();
    expect(nextDue(drive.run)).toBe(first);
    expect(first).toBe(drive.now - 10 + drive.run.leaseMs);
  });

  test("an attempt's deadline", () => {
    const drive = started("a b", { tasks: { b: { timeout: 2 } } });
    new Executor(drive).sync();
    expect(nextDue(drive.run)).toBe(drive.now + 2000 + TIMING.timeoutGraceMs);
  });

  test("a retry's delay", () => {
    const drive = started("a b", { each: { retry: { jitter: false } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "timeout");
    expect(nextDue(drive.run)).toBe(drive.now + 1000);
  });

  test("the end of a parking", () => {
    const drive = started("a b", { tasks: { a: llm("x"), b: llm("y") } });
    const ada = new Executor(drive);
    ada.sync();
    ada.giveBack("a", "parked");
    drive.now += 10;
    ada.giveBack("b", "parked");
    expect(nextDue(drive.run)).toBe(drive.now - 10 + TIMING.parkedMs);
  });

  test("the end of the patience with invitations", () => {
    const drive = started("a");
    invited(drive.run, countInvitations(drive.run), drive.now);
    expect(nextDue(drive.run)).toBe(impatientAt(drive.run));
  });
});

test("a retry that is over is no duty: the task has completed meanwhile", () => {
  const drive = started("a b", { each: { retry: { jitter: false } } });
  const ada = new Executor(drive);
  ada.sync();
  ada.failWith("a", "timeout");
  drive.tell({ type: "cancel", actor: "local" });
  drive.tell({ type: "retry", actor: "local" });
  expect(told(drive.wait(1000))).toEqual([]);
  expect(nextDue(drive.run)).toBeGreaterThan(drive.now + 1000);
});

test("a retry is due after its own delay, not after that of the generation before", () => {
  const drive = started("a");
  const ada = new Executor(drive);
  ada.sync();
  ada.failWith("a", "rate_limited", { retryAfterMs: 100_000 });
  drive.tell({ type: "cancel", actor: "local" });
  drive.tell({ type: "retry", actor: "local" });
  ada.sync();
  ada.failWith("a", "rate_limited", { retryAfterMs: 200_000 });
  expect(told(drive.wait(100_000))).toEqual([]);
  expect(nextDue(drive.run)).toBe(drive.now + 100_000);
});

test("a run that has not started, or has ended, has no duties", () => {
  const drive = new Drive("a");
  expect(nextDue(drive.run)).toBe(Number.POSITIVE_INFINITY);
  drive.tell({ type: "cancel", actor: "local" });
  expect(nextDue(drive.run)).toBe(Number.POSITIVE_INFINITY);
  expect(told(drive.wait(1e9))).toEqual([]);
});

test("a run that has ended has no duties after an eviction either", () => {
  const drive = started("a");
  const ada = new Executor(drive);
  ada.sync();
  ada.complete("a");
  drive.evict();
  expect(nextDue(drive.run)).toBe(Number.POSITIVE_INFINITY);
});

test("a paused run has only those of what is still running", () => {
  const drive = started("a");
  drive.tell({ type: "pause", actor: "local" });
  expect(nextDue(drive.run)).toBe(Number.POSITIVE_INFINITY);
  drive.tell({ type: "resume", actor: "local" });
  new Executor(drive).sync();
  drive.tell({ type: "pause", actor: "local" });
  expect(nextDue(drive.run)).toBe(drive.now + drive.run.leaseMs);
});

test("waking too early does nothing, as often as it happens", () => {
  const drive = started("a b", { tasks: { b: llm() } });
  const ada = new Executor(drive);
  ada.sync();
  const due = nextDue(drive.run);
  for (let time = 0; time < 5; time++) expect(told(drive.wait(1))).toEqual([]);
  expect(nextDue(drive.run)).toBe(due);
});

test("all that is due at once is done at once", () => {
  const drive = started("a b c", {
    tasks: { a: { retry: { jitter: false } }, b: { timeout: 1, retry: { maxAttempts: 1 } } },
  });
  const ada = new Executor(drive);
  ada.sync();
  ada.failWith("a", "timeout");
  expect(told(drive.wait(drive.run.leaseMs))).toEqual([
    "b failed #1",
    "c retrying #1 (lost)",
    "c queued",
    "a queued",
  ]);
});
