/** A call that fails at one instance: whether it goes to the next within its attempt, and what the hub hears of both. */
import { describe, expect, onTestFinished, test } from "vitest";
import { LIMITS, TIMING } from "../../src/contract/limits.ts";
import type { CallEnd, Instance } from "../../src/contract/sync.ts";
import type { Circumstances } from "../../src/dispatch/attempt.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { deadUrl, type Handler, serveWith } from "../providers/http-server.ts";
import { at, attempt, callOf, carry, chat, codeOf, HELLO, hubThatSays, methodOf, order } from "./carry.ts";

const answer: Handler = (_request, response, body) => {
  const { id } = JSON.parse(body);
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify({ jsonrpc: "2.0", id, result: "tea" }));
};
const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  (_request, response) =>
    response.writeHead(code, headers).end("no");
const reset: Handler = (request) => void request.socket.resetAndDestroy();
const junk: Handler = (_request, response) => response.writeHead(200).end("<html>");
const brokenOff: Handler = (request, response) =>
  void response.writeHead(200).write('{"jsonrpc":', () => request.socket.resetAndDestroy());
const silent: Handler = () => {};

/** A server of JSON-RPC that behaves like this, as an instance. */
async function shop(handler: Handler, id = "spark"): Promise<{ instance: Instance; asked: () => number }> {
  const server = await serveWith(handler);
  return { ...at("jsonrpc", server.url, id), asked: () => server.requests.length };
}

async function ollamaThat(options: Parameters<typeof startFakeOllama>[0], id = "spark") {
  const ollama = await startFakeOllama(options);
  onTestFinished(() => ollama.close());
  return at("ollama", ollama.url, id);
}

/** The call fails like this at "spark"; the hub has "attic" then, which does it. */
async function orderAfter(handler: Handler, idempotent: boolean) {
  const [first, second] = [await shop(handler), await shop(answer, "attic")];
  const hub = hubThatSays(second);
  const carried = await carry(order({ idempotent }), { ...first, ...hub });
  return { ...carried, ends: hub.ends, asked: [first.asked(), second.asked()] };
}

describe("a call that was not begun goes to another instance at once, whatever its method is", () => {
  test.each([
    ["reset before an answer", reset, "connection_failed"],
    ["answered 502", status(502), "provider_unavailable"],
    ["answered 503", status(503), "provider_unavailable"],
    ["answered 429", status(429), "provider_unavailable"],
  ] as const)("%s", async (_, handler, code) => {
    const { outcome, asked } = await orderAfter(handler, false);
    const tried = [{ instance: "spark", code, message: expect.stringContaining("spark") }];
    expect(outcome).toMatchObject({ kind: "completed", instance: "attic", tried });
    expect(asked).toEqual([1, 1]);
  });

  test("refused, since nobody listens", async () => {
    const hub = hubThatSays(await shop(answer, "attic"));
    const outcome = await attempt(order(), { ...at("jsonrpc", await deadUrl()), ...hub });
    const tried = [{ instance: "spark", code: "connection_failed" }];
    expect(outcome).toMatchObject({ kind: "completed", instance: "attic", tried });
  });

  test("lacking the model", async () => {
    const first = await ollamaThat({ models: ["llava"] });
    const hub = hubThatSays(await ollamaThat({ models: ["llama3.2"] }, "attic"));
    const outcome = await attempt(callOf({ ...chat, spec: methodOf() }, HELLO), { ...first, ...hub });
    const tried = [{ instance: "spark", code: "model_not_found" }];
    expect(outcome).toMatchObject({ kind: "completed", instance: "attic", tried });
  });

  test("lacking the tool", async () => {
    const hub = hubThatSays(await shop(answer, "attic"));
    const call = callOf({ protocol: "mcp/v1", method: "mcp/tool.sing", spec: methodOf() }, {});
    const outcome = await attempt(call, { ...at("builtin", ""), ...hub });
    const tried = [{ instance: "spark", code: "unknown_tool" }];
    expect(outcome).toMatchObject({ kind: "completed", instance: "attic", tried });
  });
});

describe("a call that may have been begun", () => {
  test.each([
    ["answered 500", status(500), "provider_unavailable"],
    ["answered with something else", junk, "invalid_answer"],
    ["broken off in its answer", brokenOff, "stream_broken"],
  ] as const)(
    "%s: goes to another instance only where its method is idempotent",
    async (_, handler, code) => {
      const once = await orderAfter(handler, false);
      expect(codeOf(once.outcome)).toBe(code);
      expect([once.asked, once.ends]).toEqual([[1, 0], []]);
      const again = await orderAfter(handler, true);
      expect(again.outcome).toMatchObject({ kind: "completed", tried: [{ instance: "spark", code }] });
      expect(again.asked).toEqual([1, 1]);
    },
  );

  test.each([
    ["is idempotent: is made again, and the text begins anew before its first word", true],
    ["is not: fails with what is there, and no text is void", false],
  ])("and told some text, where its method %s", async (_, idempotent) => {
    const first = await ollamaThat({ reply: () => "It is raining", fail: () => ({ afterTokens: 2 }) });
    const hub = hubThatSays(await ollamaThat({ reply: () => "Good day" }, "attic"));
    const told: string[] = [];
    const outcome = await attempt(callOf({ ...chat, spec: methodOf({ idempotent }) }, HELLO), {
      ...first,
      ...hub,
      emit: (text) => void told.push(text),
      restart: () => void told.push("|"),
    });
    expect(codeOf(outcome)).toBe(idempotent ? "completed" : "stream_broken");
    expect(told.join("")).toBe(idempotent ? "It is|Good day" : "It is");
  });
});

describe("a failure that another instance would not mend", () => {
  test.each([
    ["of the work", -32_000 - 500, "tool_failed"],
    ["of what was asked", -32_602, "invalid_params"],
  ])("%s is the task's, and counts as an answer of the instance", async (_, rpcCode, code) => {
    const failing: Handler = (_request, response, body) => {
      const error = { code: rpcCode, message: "out of tea" };
      response.end(JSON.stringify({ jsonrpc: "2.0", id: JSON.parse(body).id, error }));
    };
    const { outcome, end, ends } = await orderAfter(failing, true);
    expect(codeOf(outcome)).toBe(code);
    expect(end).toEqual({ kind: "answered", latencyMs: expect.any(Number) });
    expect(ends).toEqual([]);
  });

  test("of the protocol's schema neither: the result is what the method says, or it is a failure", async () => {
    const first = await shop(answer);
    const hub = hubThatSays();
    const call = order({ idempotent: true, result: { type: "number" } });
    const { outcome, end } = await carry(call, { ...first, ...hub });
    expect([codeOf(outcome), end.kind, hub.ends]).toEqual(["invalid_result", "answered", []]);
  });

  test("a timeout is never followed by another call: it is the whole attempt's", async () => {
    const first = await shop(silent);
    const hub = hubThatSays(await shop(answer, "attic"));
    const call = { ...order({ idempotent: true }), timeoutMs: 50 };
    const { outcome, end } = await carry(call, { ...first, ...hub });
    expect([codeOf(outcome), hub.ends]).toEqual(["timeout", []]);
    // In so little time no instance can be said to be silent.
    expect(end).toEqual({ kind: "unused" });
  });

  test("nor is there anywhere to go for a task that needs no provider", async () => {
    const hub = hubThatSays();
    const call = callOf({ protocol: "mcp/v1", method: "mcp/tool.sing", spec: methodOf() }, {});
    expect(codeOf(await attempt(call, hub))).toBe("unknown_tool");
    expect(hub.ends).toEqual([]);
  });
});

describe("the timeout", () => {
  test("spans all calls of the attempt", async () => {
    const timeoutMs = 1000;
    const late: Handler = (_request, response) =>
      void setTimeout(() => response.writeHead(503).end(), 0.6 * timeoutMs);
    const hub = hubThatSays(await shop(silent, "attic"));
    const startedAt = performance.now();
    const outcome = await attempt({ ...order(), timeoutMs }, { ...(await shop(late)), ...hub });
    expect(outcome).toMatchObject({
      error: { code: "timeout" },
      instance: "attic",
      tried: [{ instance: "spark" }],
    });
    expect(performance.now() - startedAt).toBeLessThan(1.5 * timeoutMs);
  });
});

describe("where the hub has no other instance", () => {
  test("since those that are left are busy, the attempt is given back and names those that failed", async () => {
    const hub = hubThatSays({ kind: "parked" });
    const { outcome, end } = await carry(order(), { ...(await shop(status(503))), ...hub });
    expect(outcome).toEqual({
      kind: "returned",
      reason: "no_slot",
      tried: [{ instance: "spark", code: "provider_unavailable", message: expect.stringContaining("503") }],
    });
    expect([end, hub.ends.length]).toEqual([{ kind: "unused" }, 1]);
  });

  test("since there is none, the attempt fails as the call did, and the slot is not given back twice", async () => {
    const hub = hubThatSays({ kind: "refused" });
    const busy = status(429, { "retry-after": "7" });
    const { outcome, end } = await carry(order(), { ...(await shop(busy)), ...hub });
    expect(outcome).toMatchObject({
      kind: "failed",
      error: { code: "provider_unavailable", details: { status: 429 } },
      retryAfterMs: 7000,
      instance: "spark",
    });
    expect("tried" in outcome).toBe(false);
    expect([end, hub.ends.length]).toEqual([{ kind: "unused" }, 1]);
  });

  test("after a second one has failed, the attempt fails there and names the first", async () => {
    const hub = hubThatSays(await shop(status(502), "attic"), { kind: "refused" });
    const outcome = await attempt(order(), { ...(await shop(status(503))), ...hub });
    expect(outcome).toMatchObject({
      error: { message: expect.stringContaining("502") },
      instance: "attic",
      tried: [{ instance: "spark" }],
    });
    expect(outcome.kind === "failed" && outcome.tried?.length).toBe(1);
  });
});

test(`an attempt tries ${LIMITS.instancesTried} instances at most, and names them in their order`, async () => {
  const names = Array.from({ length: LIMITS.instancesTried + 1 }, (_, index) => `spark-${index}`);
  const shops = await Promise.all(names.map((name) => shop(status(503), name)));
  const [first, ...others] = shops;
  const hub = hubThatSays(...others);
  const { outcome, end } = await carry(order(), { ...first, ...hub });
  expect(shops.map(({ asked }) => asked())).toEqual(
    names.map((_, index) => (index < LIMITS.instancesTried ? 1 : 0)),
  );
  const tried = outcome.tried?.map(({ instance }) => instance);
  expect(tried).toEqual(names.slice(0, LIMITS.instancesTried - 1));
  expect(outcome).toMatchObject({ kind: "failed", instance: names[LIMITS.instancesTried - 1] });
  expect([hub.ends.length, end.kind]).toEqual([LIMITS.instancesTried - 1, "failed"]);
});

test("what is kept of an instance that failed is short, however much it said", async () => {
  const talking: Handler = (_request, response) => response.writeHead(503).end("x".repeat(10_000));
  const { outcome } = await orderAfter(talking, false);
  expect(outcome.tried?.[0]?.message.length).toBe(LIMITS.shortMessageChars);
});

describe("the hub is told how a call ended", () => {
  test.each<[string, Handler, CallEnd]>([
    ["it failed", status(503), { kind: "failed", code: "provider_unavailable" }],
    ["it was reset", reset, { kind: "failed", code: "connection_failed" }],
    [
      "the instance is busy and says how long",
      status(429, { "retry-after": "7" }),
      { kind: "failed", code: "provider_unavailable", retryAfterMs: 7000 },
    ],
    [
      "the instance is busy and does not say how long",
      status(429),
      { kind: "failed", code: "provider_unavailable", retryAfterMs: TIMING.busyMs },
    ],
  ])("%s", async (_, handler, end) => {
    const moved = await orderAfter(handler, false);
    expect(moved.ends).toEqual([end]);
    expect(moved.end).toEqual({ kind: "answered", latencyMs: expect.any(Number) });
    const stayed = await carry(order(), {
      ...(await shop(handler)),
      moveOn: async () => ({ kind: "refused" }),
    });
    expect(stayed.end).toEqual({ kind: "unused" });
  });

  test("and how long an answer took: that of the last call alone", async () => {
    const slow: Handler = (_request, response) => void setTimeout(() => response.writeHead(503).end(), 500);
    const { end } = await orderAfter(slow, false);
    expect(end.kind === "answered" && end.latencyMs).toBeLessThan(400);
  });

  test("that an instance without the model has answered", async () => {
    const hub = hubThatSays(await ollamaThat({ models: ["llama3.2"] }, "attic"));
    await attempt(callOf(chat, HELLO), { ...(await ollamaThat({ models: ["llava"] })), ...hub });
    expect(hub.ends).toEqual([{ kind: "answered", latencyMs: expect.any(Number) }]);
  });
});

describe("an attempt that ends while the hub is asked for another instance", () => {
  /** The hub grants "attic" when this has come to pass. */
  async function grantAfter(meanwhile: () => unknown, more: Partial<Circumstances>, timeoutMs = 10_000) {
    const second = await shop(answer, "attic");
    const moveOn: Circumstances["moveOn"] = async () => {
      await meanwhile();
      return { kind: "granted", instance: second.instance };
    };
    const first = await shop(status(503));
    const carried = await carry({ ...order(), timeoutMs }, { ...first, ...more, moveOn });
    return { ...carried, asked: second.asked() };
  }

  test("since nobody wants it any more: the next is not called, and nothing is said of it", async () => {
    const abort = new AbortController();
    const dropped = () => abort.abort(new Error("the run has no use for it any more"));
    const { end, asked } = await grantAfter(dropped, { signal: abort.signal });
    expect([end, asked]).toEqual([{ kind: "unused" }, 0]);
  });

  test("since its time is over: the next is not called, and nothing is said of it", async () => {
    const late = () => new Promise((resolve) => setTimeout(resolve, 500));
    const { outcome, end, asked } = await grantAfter(late, {}, 500);
    expect(codeOf(outcome)).toBe("timeout");
    expect([end, asked]).toEqual([{ kind: "unused" }, 0]);
  });
});
