/** One attempt, from its params to its outcome: whatever happens, it has one. */
import { describe, expect, test } from "vitest";
import { decodeJson, encodeJson } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import type { Progress } from "../../src/providers/provider.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { deadUrl, serveWith } from "../providers/http-server.ts";
import { at, attempt, callOf, carry, chat, codeOf, echo, HELLO, methodOf, order, script } from "./carry.ts";

/** A JSON-RPC server that gives every call this result. */
async function runnerThatGives(result: unknown): Promise<string> {
  const server = await serveWith((_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id: "run_1:a:1", result }));
  });
  return server.url;
}

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
    expect("tried" in outcome).toBe(false);
    expect(texts.join("")).toBe("Good day");
  });

  test("passes on how far it is", async () => {
    const ollama = await startFakeOllama({ models: [], library: ["llama3.2"] });
    const { instance } = at("ollama", ollama.url);
    const reports: Progress[] = [];
    const report = (progress: Progress) => void reports.push(progress);
    const pulling = { instance: { ...instance, allowPull: true }, report };
    expect(codeOf(await attempt(callOf(chat, HELLO), pulling))).toBe("completed");
    await ollama.close();
    expect(reports.length).toBeGreaterThan(1);
    expect(reports.at(-1)?.message).toContain("llama3.2");
  });

  test("may be of a protocol that somebody registered: what its method is came with the call", async () => {
    const instance = at("jsonrpc", await runnerThatGives({ price: 3 }));
    expect(codeOf(await attempt(order(), instance))).toBe("completed");
    const { spec: _, ...unknown } = order();
    expect(codeOf(await attempt(unknown, instance))).toBe("unknown_method");
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

  test("are checked by what came with a call of a registered method", async () => {
    const server = await serveWith(() => {});
    const call = order({ params: { type: "object", required: ["size"] } });
    expect(codeOf(await attempt(call, at("jsonrpc", server.url)))).toBe("invalid_params");
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

  test("is one where the result is nested so deep that who reads it would fall", async () => {
    const nested = Array.from({ length: 600 }).reduce<unknown>((inner) => [inner], "deep");
    const call = callOf({ protocol: "shop/v1", method: "shop/order", spec: methodOf() }, {});
    const outcome = await attempt(call, at("jsonrpc", await runnerThatGives(nested)));
    expect(codeOf(outcome)).toBe("invalid_result");
  });

  test("says where nobody answers, and may be tried again", async () => {
    const outcome = await attempt(callOf(chat, HELLO), at("ollama", await deadUrl()));
    expect(outcome).toMatchObject({
      kind: "failed",
      instance: "spark",
      error: { code: "connection_failed", retryable: true },
    });
  });

  test("says which other instances have what this one lacks", async () => {
    const ollama = await startFakeOllama({ models: ["llava"] });
    const siblings = async () => [{ id: "attic", models: ["llama3.2:latest"], tools: [] }];
    const outcome = await attempt(callOf(chat, HELLO), { ...at("ollama", ollama.url), siblings });
    await ollama.close();
    expect(outcome).toMatchObject({
      error: { code: "model_not_found", message: expect.stringContaining("attic") },
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

  test("by an answer that is none of its kind of provider", async () => {
    const outcome = await attempt(callOf(script, { code: "x" }), at("python", await runnerThatGives("text")));
    expect(codeOf(outcome)).toBe("invalid_answer");
  });

  test("by a result that breaks the protocol's schema", async () => {
    const call = order({ result: { type: "object", required: ["price"] } });
    expect(await attempt(call, at("jsonrpc", await runnerThatGives({ cost: 3 })))).toMatchObject({
      instance: "spark",
      error: { code: "invalid_result", retryable: true, message: expect.stringContaining("price") },
    });
  });

  test("quotes no secret of its instance that a result which breaks the schema says back", async () => {
    const open = async ({ id, url }: { id: string; url: string }) => {
      return { id, url, headers: { authorization: "Bearer sesame-open" } };
    };
    const instance = at("jsonrpc", await runnerThatGives({ "sesame-open": 3 }));
    const outcome = await attempt(order({ result: { type: "object", additionalProperties: false } }), {
      ...instance,
      open,
    });
    expect(outcome).toMatchObject({
      error: { code: "invalid_result", message: expect.stringContaining("•••") },
    });
    expect(JSON.stringify(outcome)).not.toContain("sesame");
  });

  test("by a result larger than is kept, naming both sizes", async () => {
    // Both hold the text, so that it counts twice.
    const outcome = await attempt(callOf(echo, { message: "x".repeat(LIMITS.resultBytes / 2) }));
    expect(outcome).toMatchObject({
      kind: "failed",
      error: { code: "result_too_large", message: expect.stringContaining(`at most ${LIMITS.resultBytes}`) },
    });
  });

  test("since the secret headers of its instance do not open has sent nothing", async () => {
    const server = await serveWith(() => {});
    const open = () => Promise.reject(new Error("another key"));
    const call = callOf({ ...chat, spec: methodOf() }, HELLO);
    expect(codeOf(await attempt(call, { ...at("ollama", server.url), open }))).toBe("internal");
    expect(server.requests).toEqual([]);
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

test("an attempt that nobody wants any more closes its connection and ends, and says nothing of the instance", async () => {
  const server = await serveWith(() => {});
  const abort = new AbortController();
  const ended = carry(callOf(chat, HELLO), { ...at("ollama", server.url), signal: abort.signal });
  await expect.poll(() => server.requests.length).toBe(1);
  abort.abort(new Error("the run has no use for it any more"));
  expect(await ended).toMatchObject({ outcome: { kind: "failed" }, end: { kind: "unused" } });
  await server.left;
});
