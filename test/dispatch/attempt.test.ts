/** One attempt, from its params to its outcome: whatever happens, it has one. */
import { describe, expect, test } from "vitest";
import { decodeJson, encodeJson, type JsonObject } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import type { Outcome } from "../../src/contract/sync.ts";
import { type Circumstances, carryOut } from "../../src/dispatch/attempt.ts";
import type { Call } from "../../src/dispatch/session.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { deadUrl, serveWith } from "../providers/http-server.ts";

const echo: Partial<Call> = { protocol: "echo/v1", method: "echo/echo" };
const chat: Partial<Call> = { protocol: "llm/v1", method: "llm/chat" };
const script: Partial<Call> = { protocol: "python/v1", method: "python/execute" };
const HELLO = { model: "llama3.2", messages: [{ role: "user", content: "Hello" }] };

function callOf(what: Partial<Call>, params: JsonObject): Call {
  return {
    kind: "call",
    taskId: "a",
    attempt: 1,
    protocol: "",
    method: "",
    params: encodeJson(params),
    timeoutMs: 10_000,
    idempotencyKey: "run_1:a:1",
    ...what,
  };
}

function attempt(call: Call, more: Partial<Circumstances> = {}): Promise<Outcome> {
  const signal = new AbortController().signal;
  return carryOut(call, { endpoint: undefined, signal, fetch, emit: () => {}, ...more });
}

const at = (kind: string, url: string): Pick<Circumstances, "endpoint"> => ({
  endpoint: { kind, instance: { id: "spark", url } },
});

/** A JSON-RPC server that gives every call this result. */
async function runnerThatGives(result: unknown): Promise<string> {
  const server = await serveWith((_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id: "run_1:a:1", result }));
  });
  return server.url;
}

const codeOf = (outcome: Outcome) => (outcome.kind === "failed" ? outcome.error.code : outcome.kind);

describe("an attempt that completes", () => {
  test("without a provider gives its result as bytes and names no instance", async () => {
    const outcome = await attempt(callOf(echo, { message: "hi" }));
    expect(outcome).toEqual({ kind: "completed", result: expect.any(Uint8Array) });
    expect(outcome.kind === "completed" && decodeJson(outcome.result)).toMatchObject({ response: "hi" });
  });

  test("names its instance and what it used, and passes the text on while it comes", async () => {
    const ollama = await startFakeOllama({ reply: () => "Good day" });
    const texts: string[] = [];
    const emit = (text: string) => void texts.push(text);
    const outcome = await attempt(callOf(chat, HELLO), { ...at("ollama", ollama.url), emit });
    await ollama.close();
    expect(outcome).toMatchObject({ kind: "completed", instance: "spark", usage: { completionTokens: 2 } });
    expect(texts.join("")).toBe("Good day");
  });
});

describe("params that references have become", () => {
  test("are checked before anything is sent", async () => {
    const server = await serveWith(() => {});
    const outcome = await attempt(callOf(chat, { messages: "not a list" }), at("ollama", server.url));
    expect(outcome).toMatchObject({
      kind: "failed",
      instance: "spark",
      error: {
        code: "invalid_params",
        retryable: false,
        message: expect.stringContaining("params.messages"),
      },
    });
    expect(server.requests).toEqual([]);
  });

  test("must be an object", async () => {
    const call = { ...callOf(echo, {}), params: encodeJson("text") };
    expect(codeOf(await attempt(call))).toBe("invalid_params");
  });
});

describe("an attempt that fails", () => {
  test("says so of a method its protocol does not have", async () => {
    const outcome = await attempt(callOf({ protocol: "llm/v1", method: "llm/sing" }, {}));
    expect(outcome).toMatchObject({
      error: { code: "unknown_method", message: expect.stringContaining("llm/sing") },
    });
  });

  test("says so of an instance of a kind there is not", async () => {
    const outcome = await attempt(callOf(chat, HELLO), at("abacus", "http://127.0.0.1:1"));
    expect(codeOf(outcome)).toBe("no_provider");
  });

  test("says where nobody answers, and may be tried again", async () => {
    const outcome = await attempt(callOf(chat, HELLO), at("ollama", await deadUrl()));
    expect(outcome).toMatchObject({
      kind: "failed",
      instance: "spark",
      error: { code: "connection_failed", retryable: true },
    });
  });

  test("passes on how long the provider asks to wait", async () => {
    const server = await serveWith((_, response) =>
      response.writeHead(429, { "retry-after": "7" }).end("{}"),
    );
    const outcome = await attempt(callOf(chat, HELLO), at("ollama", server.url));
    expect(outcome).toMatchObject({ kind: "failed", retryAfterMs: 7000 });
  });

  test("keeps what the provider tells of it: a script's traceback", async () => {
    const url = await runnerThatGives({
      success: false,
      result: null,
      output: "so far",
      error: "ValueError: no",
    });
    const outcome = await attempt(callOf(script, { code: "raise ValueError('no')" }), at("python", url));
    expect(outcome).toMatchObject({
      error: { code: "script_failed", message: "ValueError: no", details: { output: "so far" } },
    });
  });

  test("by a result that breaks the protocol's schema", async () => {
    const outcome = await attempt(callOf(script, { code: "x" }), at("python", await runnerThatGives("text")));
    expect(codeOf(outcome)).toBe("invalid_result");
  });

  test("by a result larger than is kept, naming both sizes", async () => {
    // Both hold the text, so that it counts twice.
    const outcome = await attempt(callOf(echo, { message: "x".repeat(LIMITS.resultBytes / 2) }));
    expect(outcome).toMatchObject({
      kind: "failed",
      error: { code: "result_too_large", message: expect.stringContaining(`at most ${LIMITS.resultBytes}`) },
    });
  });
});

describe("an attempt that takes too long", () => {
  test("is aborted, and its failure names the timeout", async () => {
    const server = await serveWith(() => {});
    const outcome = await attempt(callOf({ ...chat, timeoutMs: 50 }, HELLO), at("ollama", server.url));
    expect(outcome).toMatchObject({
      kind: "failed",
      error: { code: "timeout", retryable: true, message: expect.stringContaining("0.05 s") },
    });
    await server.left;
  });

  test("is aborted in the middle of its answer as well", async () => {
    const ollama = await startFakeOllama({ reply: () => "one two three", tokenDelayMs: 200 });
    const outcome = await attempt(callOf({ ...chat, timeoutMs: 300 }, HELLO), at("ollama", ollama.url));
    expect(codeOf(outcome)).toBe("timeout");
    await expect.poll(() => ollama.requests[0]?.aborted).toBe(true);
    await ollama.close();
  });
});

test("an attempt that nobody wants any more closes its connection and ends", async () => {
  const server = await serveWith(() => {});
  const abort = new AbortController();
  const ended = attempt(callOf(chat, HELLO), { ...at("ollama", server.url), signal: abort.signal });
  await expect.poll(() => server.requests.length).toBe(1);
  abort.abort(new Error("the run has no use for it any more"));
  expect((await ended).kind).toBe("failed");
  await server.left;
});
