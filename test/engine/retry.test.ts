/** Which failures are tried again, how often, and after how long. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ErrorCode } from "../../src/contract/error.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import type { RetrySettings } from "../../src/contract/workflow.ts";
import { delayBefore } from "../../src/engine/retry.ts";
import { taskOf } from "../../src/engine/run.ts";
import { Drive, idOf, started, told } from "./drive.ts";
import { Executor, failed, given } from "./executor.ts";

const exact = { jitter: false } as const;

/** The delays after each failure of a task that always fails, until it has failed for good. */
function delaysOf(retry: RetrySettings, code: ErrorCode = "connection_failed"): number[] {
  const drive = started("a", { each: { retry } });
  const ada = new Executor(drive);
  ada.sync();
  while (drive.run.state.status === "running") {
    ada.failWith("a", code);
    if (ada.held.has("a")) continue;
    drive.wait(300_000);
    ada.sync();
  }
  return drive.journal.flatMap(({ event }) => (event.type === "task.retrying" ? [event.delayMs] : []));
}

/** How often a task that always fails with this code is tried. */
function triesOf(code: ErrorCode, retry?: RetrySettings): number {
  return delaysOf({ ...retry, baseDelay: 0 }, code).length + 1;
}

describe("the delay before the next try", () => {
  test.each<[RetrySettings["backoff"], number[]]>([
    ["fixed", [2000, 2000, 2000, 2000]],
    ["linear", [2000, 4000, 6000, 8000]],
    ["exponential", [2000, 4000, 8000, 16_000]],
  ])("with backoff %s and a base of 2 s is %j ms", (backoff, delays) => {
    expect(delaysOf({ backoff, baseDelay: 2, maxAttempts: 5, ...exact })).toEqual(delays);
  });

  test("is at most maxDelay", () => {
    expect(delaysOf({ baseDelay: 10, maxDelay: 25, maxAttempts: 5, ...exact })).toEqual([
      10_000, 20_000, 25_000, 25_000,
    ]);
  });

  test("is exponential from one second where the file says nothing", () => {
    expect(delaysOf(exact)).toEqual([1000, 2000]);
  });

  test("varies by up to 20 % with run, task and try, and is capped after that", () => {
    const { plan } = taskOf(new Drive("a", { each: { retry: { baseDelay: 10, maxDelay: 11 } } }).run, "a");
    const number = fc.integer({ min: 0, max: 65_535 });
    const delays = fc
      .sample(number, { seed: 7, numRuns: 500 })
      .map((n) => delayBefore(plan, idOf(n), 1, undefined));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(8000);
    expect(Math.min(...delays)).toBeLessThan(8200);
    expect(Math.max(...delays)).toBe(11_000);
    expect(new Set(delays).size).toBeGreaterThan(200);
  });

  test("is the same whenever the same run is decided again", () => {
    expect(delaysOf({ maxAttempts: 5 })).toEqual(delaysOf({ maxAttempts: 5 }));
  });

  test.each([
    [7000, 7000],
    [0, 0],
    [-1, 0],
    [9e9, LIMITS.taskTimeoutSeconds * 1000],
  ])("is what the provider asks for: a Retry-After of %d ms gives %d ms", (retryAfterMs, delayMs) => {
    const drive = started("a", { each: { retry: { maxDelay: 1 } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "rate_limited", { retryAfterMs });
    expect(drive.journal.map(({ event }) => event)).toContainEqual(
      expect.objectContaining({ type: "task.retrying", delayMs, outcome: "failed" }),
    );
  });

  test("passes before the task is queued again, not a millisecond less", () => {
    const drive = started("a", { each: { retry: exact } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "timeout");
    expect(drive.statusOf("a")).toBe("retrying");
    expect(told(drive.wait(999))).toEqual([]);
    expect(told(drive.wait(1))).toEqual(["a queued"]);
    expect(given(ada.sync())).toEqual(["a"]);
  });

  test("of nothing means at once, in the same answer", () => {
    const ada = new Executor(started("a", { each: { retry: { baseDelay: 0 } } }));
    ada.sync();
    expect(given(ada.failWith("a", "timeout"))).toEqual(["a"]);
    expect(ada.call("a").attempt).toBe(2);
  });
});

describe("what is retried", () => {
  test.each<ErrorCode>([
    "connection_failed",
    "provider_unavailable",
    "stream_broken",
    "timeout",
    "rate_limited",
  ])("%s: a fault of the way, also where the file says nothing of retries", (code) => {
    const drive = started("a");
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", code);
    expect(drive.statusOf("a")).toBe("retrying");
  });

  test.each<ErrorCode>(["script_failed", "tool_failed", "invalid_result"])(
    "%s: a failure of the work itself, only where the task or the defaults say retry",
    (code) => {
      const afterFailure = (drive: Drive): string => {
        const ada = new Executor(drive);
        ada.sync();
        ada.failWith("a", code);
        return drive.statusOf("a");
      };
      expect(afterFailure(started("a"))).toBe("failed");
      expect(afterFailure(started("a", { methodDefaults: { "echo/echo": { retry: {} } } }))).toBe("failed");
      expect(afterFailure(started("a", { each: { retry: {} } }))).toBe("retrying");
      expect(afterFailure(started("a", { defaults: { retry: {} } }))).toBe("retrying");
    },
  );

  test.each<ErrorCode>([
    "invalid_params",
    "model_not_found",
    "provider_rejected",
    "no_provider",
    "result_too_large",
  ])("not %s: the same request would fail again", (code) =>
    expect(triesOf(code, { maxAttempts: 5 })).toBe(1),
  );

  test.each([1, 2, 10])("at most maxAttempts: %d", (maxAttempts) => {
    expect(triesOf("connection_failed", { maxAttempts })).toBe(maxAttempts);
  });

  test("three times in all where the file says nothing", () => {
    expect(triesOf("connection_failed")).toBe(3);
  });
});

describe("a task that is tried again", () => {
  test("keeps its attempts, and starts with the next number", () => {
    const drive = started("a", { each: { retry: { baseDelay: 0 } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "timeout", { instance: "spark" });
    ada.complete("a");
    expect(drive.log.slice(2)).toEqual([
      "a started #1",
      "a retrying #1 (failed)",
      "a queued",
      "a started #2",
      "a completed #2",
      "run completed",
    ]);
    expect(taskOf(drive.run, "a").attempts[0]?.instance).toBe("spark");
  });

  test("that fails for good keeps the error of its last attempt", () => {
    const drive = started("a", { each: { retry: { baseDelay: 0, maxAttempts: 2 } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "timeout");
    ada.failWith("a", "connection_failed", { instance: "spark" });
    expect(taskOf(drive.run, "a").state).toMatchObject({
      status: "failed",
      error: { code: "connection_failed" },
    });
    expect(drive.journal.map(({ event }) => event)).toContainEqual(
      expect.objectContaining({ type: "task.failed", attempt: 2, instance: "spark" }),
    );
  });

  test("may be given up by its executor without a call: that does not count", () => {
    const drive = started("a", { each: { retry: { maxAttempts: 1 } } });
    const ada = new Executor(drive);
    ada.sync();
    for (let time = 0; time < 5; time++) ada.giveBack("a", "no_slot");
    expect(drive.log.slice(-3)).toEqual(["a retrying #5 (returned)", "a queued", "a started #6"]);
    const outcome = failed("connection_failed");
    expect(ada.sync({ ended: [ada.ended("a", outcome)] }).work).toEqual([]);
    expect(drive.statusOf("a")).toBe("failed");
  });
});
