import { afterAll, beforeAll, expect, test } from "vitest";
import type { JsonObject } from "../../src/contract/json.ts";
import { PYTHON } from "../../src/providers/python.ts";
import { type Runner, startRunner } from "../../src/runner/runner.ts";
import { contextFor, failureOf } from "./context.ts";
import { serveWith } from "./http-server.ts";
import { specifyRemote } from "./suite.ts";

const call = (params: JsonObject) => ({ protocol: "python/v1", method: "python/execute", params });
const report = { result: 3, output: "", error: null, execution_time: 0.01, success: true };
const rpc = (body: JsonObject) => JSON.stringify({ jsonrpc: "2.0", id: "run_1:task:1", ...body });

specifyRemote({
  provider: PYTHON,
  call: call({ code: "result = 3" }),
  expected: report,
  answer: ({ url }, response) =>
    response.end(url === "/health" ? '{"status":"ok","python":"3.12.1"}' : rpc({ result: report })),
  flood: { head: '{"jsonrpc":"2.0","id":"run_1:task:1","result":{"result":"', piece: "x".repeat(100_000) },
});

const SECRET = "a secret of the runner";
let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({ port: 0, sandbox: "process", secret: SECRET, maxConcurrent: 1 });
});
afterAll(() => runner.close());

const instance = () => ({ id: "py", url: runner.url, headers: { authorization: `Bearer ${SECRET}` } });
const run = (params: JsonObject) =>
  PYTHON.execute(call(params), contextFor(runner.url, { instance: instance() }));

test("a script sees context, args and files, sets result and prints output", async () => {
  const code = "print('hi')\nresult = [context['n'] + args['m'], open('a.txt').read()]";
  const { result } = await run({ code, context: { n: 1 }, args: { m: 2 }, files: { "a.txt": "text" } });
  expect(result).toEqual({
    result: [3, "text"],
    output: "hi\n",
    error: null,
    execution_time: expect.any(Number),
    success: true,
  });
});

test("null is a fine result", async () => {
  expect((await run({ code: "pass" })).result).toMatchObject({ result: null, success: true });
});

test("a script that raises failed; the message is the traceback's last line and where it was", async () => {
  const code = "print('before')\ndef go():\n    raise ValueError('bad number')\ngo()";
  const failed = await failureOf(run({ code, name: "numbers.py" }));
  expect(failed.code).toBe("script_failed");
  expect(failed.message).toBe("ValueError: bad number (numbers.py, line 3)");
  expect(failed.details).toMatchObject({
    traceback: expect.stringContaining('File "numbers.py", line 4'),
    output: "before\n",
  });
});

test("a script that is too slow failed", async () => {
  const failed = await failureOf(run({ code: "while True: pass", timeout: 1 }));
  expect(failed).toMatchObject({
    code: "script_failed",
    message: expect.stringContaining("timed out after 1 s"),
  });
});

test("params that the runner refuses are never tried again", async () => {
  const failed = await failureOf(run({ code: "pass", timeout: 1000 }));
  expect(failed).toMatchObject({
    code: "invalid_params",
    message: expect.stringContaining("timeout must be"),
  });
});

test("a missing secret names the setting, and not the secret", async () => {
  const failed = await failureOf(PYTHON.execute(call({ code: "pass" }), contextFor(runner.url)));
  expect(failed.code).toBe("provider_rejected");
  expect(failed.message).toContain("GLEITZEIT_RUNNER_SECRET");
});

test("a runner whose slots are taken is asked again when it says, and an abort frees the slot", async () => {
  const controller = new AbortController();
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  const noting: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    // The runner sends headers when the script begins.
    resolve();
    return response;
  };
  const context = contextFor(runner.url, { instance: instance(), signal: controller.signal, fetch: noting });
  const slow = PYTHON.execute(call({ code: "while True: pass" }), context);
  const ended = expect(slow).rejects.toBe("no longer wanted");
  await answered;
  expect(await failureOf(run({ code: "pass" }))).toMatchObject({
    code: "provider_unavailable",
    retryAfterMs: 1000,
  });
  controller.abort("no longer wanted");
  await ended;
  await expect.poll(() => run({ code: "result = 1" }).catch(() => undefined)).toBeDefined();
});

test("a traceback's last line says what the sandbox has to do with it", async () => {
  const failed = await failureOf(run({ code: "hog = 'x' * (1 << 40)" }));
  expect(failed.message).toMatch(
    /^MemoryError; a script may use 1024 MiB of memory: .+ \(script\.py, line 1\)$/,
  );
});

test("an image is refused by a runner without docker, and never tried again", async () => {
  const failed = await failureOf(run({ code: "pass", image: "python:3" }));
  expect(failed).toMatchObject({
    code: "invalid_params",
    message: expect.stringContaining("started with --sandbox docker"),
  });
});

test("health and description say the interpreter's version and its slots, without the secret", async () => {
  const context = contextFor(`${runner.url}/rpc`);
  expect(await PYTHON.health(context)).toEqual({ healthy: true, version: expect.stringMatching(/^3\./) });
  expect(await PYTHON.describe(context)).toEqual({
    version: expect.stringMatching(/^3\./),
    maxConcurrent: 1,
  });
});

test.each([
  [-32700, "provider_rejected"],
  [-32600, "provider_rejected"],
  [-32601, "unknown_method"],
  [-32602, "invalid_params"],
  [-32603, "provider_unavailable"],
  [-32050, "tool_failed"],
  [1, "tool_failed"],
])("JSON-RPC error %i is %s", async (code, expected) => {
  const server = await serveWith((_, response) => response.end(rpc({ error: { code, message: "no" } })));
  const failed = await failureOf(PYTHON.execute(call({ code: "pass" }), contextFor(server.url)));
  expect(failed.code).toBe(expected);
});

test("an answer to another request is not taken", async () => {
  const server = await serveWith((_, response) => response.end(rpc({ id: "another", result: report })));
  const failed = await failureOf(PYTHON.execute(call({ code: "pass" }), contextFor(server.url)));
  expect(failed.code).toBe("invalid_answer");
});
