/** What a failed call means: for the task, for the instance it was made at, and for whether another may try. */
import { describe, expect, test } from "vitest";
import { type ErrorCode, GleitzeitError } from "../../src/contract/error.ts";
import { LIMITS, TIMING } from "../../src/contract/limits.ts";
import { judge } from "../../src/dispatch/verdict.ts";
import { ProviderError } from "../../src/providers/failure.ts";
import { methodOf } from "./carry.ts";

const ABOUT = {
  method: "shop/order",
  spec: methodOf(),
  isOnce: false,
  latencyMs: 7,
  waitedMs: 7,
  isSent: true,
  isAnswered: false,
};
const IDEMPOTENT = { ...ABOUT, spec: methodOf({ idempotent: true }) };
const ANSWERED = { kind: "answered", latencyMs: 7 };

const thrown = (code: ErrorCode, options?: ConstructorParameters<typeof ProviderError>[2]) =>
  new ProviderError(code, `it was ${code}`, options);

/** Whether another instance may be asked: once where the method is idempotent, once where it is not. */
const moves = (error: unknown) => [judge(error, IDEMPOTENT).mayMove, judge(error, ABOUT).mayMove];

describe("another instance may be asked", () => {
  test.each<ErrorCode>([
    "connection_failed",
    "provider_unavailable",
    "stream_broken",
    "invalid_answer",
    "rate_limited",
  ])("after %s, a fault of the way, where the method is idempotent", (code) =>
    expect(moves(thrown(code))).toEqual([true, false]),
  );

  test.each<ErrorCode>(["connection_failed", "provider_unavailable"])(
    "after %s where the provider says that it was not begun, whatever the method",
    (code) => expect(moves(thrown(code, { mayRepeat: true }))).toEqual([true, true]),
  );

  test.each<ErrorCode>(["model_not_found", "unknown_tool"])("after %s: it may have it", (code) =>
    expect(moves(thrown(code))).toEqual([true, true]),
  );

  test.each<ErrorCode>([
    "invalid_params",
    "unknown_method",
    "provider_rejected",
    "script_failed",
    "tool_failed",
    "invalid_result",
    "result_too_large",
    "unsafe_url",
    "no_provider",
  ])("never after %s: it would be the same there", (code) =>
    expect(moves(thrown(code))).toEqual([false, false]),
  );

  test("once, where the file allows one try, only where nothing was begun", () => {
    const once = { ...ABOUT, isOnce: true };
    const mayMove = (status: number) =>
      judge(thrown("provider_unavailable", { mayRepeat: true, details: { status } }), once).mayMove;
    expect([mayMove(429), mayMove(503), mayMove(502)]).toEqual([true, true, false]);
    expect(judge(thrown("connection_failed", { mayRepeat: true }), once).mayMove).toBe(false);
    expect(judge(thrown("connection_failed"), { ...IDEMPOTENT, isOnce: true }).mayMove).toBe(true);
  });

  test("never after a timeout, whatever is said of it: it is the whole attempt's", () => {
    expect(moves(thrown("timeout", { mayRepeat: true }))).toEqual([false, false]);
  });

  test("never after a fault of our own", () => {
    expect(moves(new TypeError("x is not a function"))).toEqual([false, false]);
    expect(moves("text")).toEqual([false, false]);
  });

  test("not where nobody knows what the method is", () => {
    expect(judge(thrown("stream_broken"), { ...ABOUT, spec: undefined }).mayMove).toBe(false);
  });
});

describe("the hub is told", () => {
  test.each<ErrorCode>(["connection_failed", "provider_unavailable", "stream_broken", "invalid_answer"])(
    "of %s that the instance failed",
    (code) => expect(judge(thrown(code), ABOUT).end).toEqual({ kind: "failed", code }),
  );

  test("of a timeout that the instance failed, where it was silent for long: some tasks have little time", () => {
    const slow = { ...ABOUT, waitedMs: 30_000 };
    const timeout = thrown("timeout");
    expect(judge(timeout, slow).end).toEqual({ kind: "failed", code: "timeout" });
    expect(judge(timeout, { ...slow, isAnswered: true }).end).toEqual({ kind: "unused" });
    expect(judge(timeout, ABOUT).end).toEqual({ kind: "unused" });
  });

  test("nothing of what was never sent", () => {
    const unsent = { ...ABOUT, isSent: false };
    expect(judge(thrown("invalid_params"), unsent).end).toEqual({ kind: "unused" });
    expect(judge(thrown("unknown_method"), unsent).end).toEqual({ kind: "unused" });
  });

  test.each([301, 401, 403])(
    "of %d that the instance failed, and the call goes elsewhere: nothing was begun",
    (status) => {
      const verdict = judge(thrown("provider_rejected", { details: { status } }), ABOUT);
      expect(verdict).toMatchObject({
        end: { kind: "failed", code: "provider_rejected" },
        mayMove: true,
        error: { retryable: false },
      });
    },
  );

  test("of an instance that cannot even be asked that it failed", () => {
    const { end, mayMove } = judge(thrown("provider_rejected"), { ...ABOUT, isSent: false });
    expect([end.kind, mayMove]).toEqual(["failed", true]);
  });

  test.each<ErrorCode>([
    "script_failed",
    "tool_failed",
    "invalid_result",
    "invalid_params",
    "model_not_found",
  ])("of %s that the instance answered, and how long it took", (code) =>
    expect(judge(thrown(code), ABOUT).end).toEqual(ANSWERED),
  );

  test("of a fault of our own nothing", () => {
    expect(judge(new TypeError("x is not a function"), ABOUT).end).toEqual({ kind: "unused" });
  });

  test("how long the instance wants no more calls", () => {
    const { end } = judge(thrown("provider_unavailable", { retryAfterMs: 7000 }), ABOUT);
    expect(end).toEqual({ kind: "failed", code: "provider_unavailable", retryAfterMs: 7000 });
  });

  test("to leave an instance alone for a moment that is busy and does not say how long", () => {
    const busy = (status: number) => judge(thrown("provider_unavailable", { details: { status } }), ABOUT);
    expect(busy(429).end).toMatchObject({ retryAfterMs: TIMING.busyMs });
    expect(busy(503).end).toEqual({ kind: "failed", code: "provider_unavailable" });
  });

  test("that one is busy is not the task's delay: its own backoff decides", () => {
    expect(
      judge(thrown("provider_unavailable", { details: { status: 429 } }), ABOUT).retryAfterMs,
    ).toBeUndefined();
    expect(judge(thrown("provider_unavailable", { retryAfterMs: 0 }), ABOUT).retryAfterMs).toBe(0);
  });
});

describe("the task's error", () => {
  test("is what was thrown, with its details", () => {
    const error = thrown("script_failed", { details: { output: "so far" } });
    expect(judge(error, ABOUT).error).toEqual({
      code: "script_failed",
      message: "it was script_failed",
      retryable: true,
      details: { output: "so far" },
    });
  });

  test("is recognised by its code: what came by RPC is of no class of ours", () => {
    const error = Object.assign(new Error("no such model"), { code: "model_not_found" });
    expect(judge(error, ABOUT)).toMatchObject({ error: { code: "model_not_found" }, mayMove: true });
    expect(judge(new GleitzeitError("timeout", "late"), ABOUT).error.code).toBe("timeout");
  });

  test("names the method where it is a fault of our own", () => {
    const { error } = judge(new TypeError("x is not a function"), ABOUT);
    expect(error).toEqual({
      code: "internal",
      message: "shop/order broke: x is not a function",
      retryable: true,
    });
    expect(judge(undefined, ABOUT).error.message).toBe("shop/order broke: undefined");
  });

  test("has no details that are not an object, or too large to keep", () => {
    const large = { stdout: "x".repeat(2 * LIMITS.errorDetailsBytes) };
    expect(judge(thrown("script_failed", { details: large }), ABOUT).error.details).toBeUndefined();
    const odd = Object.assign(new Error("odd"), { code: "tool_failed", details: "text" });
    expect(judge(odd, ABOUT).error).toEqual({ code: "tool_failed", message: "odd", retryable: true });
  });
});
