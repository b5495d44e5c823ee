import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Runner, startRunner } from "../../src/runner/runner.ts";
import { errorOf, execute, meetingPlace, post, request, soon } from "./calling.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({ port: 0, sandbox: "process" });
});
afterAll(() => runner.close());

describe("JSON-RPC", () => {
  it("answers a body that is not JSON with -32700 and the id null", async () => {
    const response = await post(runner, '{"jsonrpc": ');
    expect(await response.json()).toMatchObject({ id: null, error: { code: -32700 } });
  });

  it.each([
    [7, "a request is an object"],
    [{ id: 1, method: "x" }, '"jsonrpc" must be "2.0"'],
    [{ jsonrpc: "2.0", id: 1, method: 5 }, '"method" must be a string'],
    [{ jsonrpc: "2.0", id: {}, method: "x" }, '"id" is a string, a number or null'],
    [{ jsonrpc: "2.0", id: 1, method: "x", params: "y" }, '"params" must be an object'],
    [[], "a batch holds 1 to 100 requests, this one 0"],
  ])("answers %j with -32600", async (body, why) => {
    expect(await errorOf(runner, body)).toEqual({ code: -32600, message: expect.stringContaining(why) });
  });

  it("answers an unknown method with -32601, naming those there are", async () => {
    const { code, message } = await errorOf(runner, request("python/run"));
    expect(code).toBe(-32601);
    expect(message).toBe('unknown method "python/run"; this runner has python/execute and rpc.discover');
  });

  it("answers each of a batch by its id, the invalid ones too, and leaves out notifications", async () => {
    const { id: _, ...notification } = request("python/execute", { code: "1" });
    const good = request("python/execute", { code: "result = 1" }, "a");
    const response = await post(runner, [good, notification, 5, request("nope", {}, 2)]);
    expect(await response.json()).toMatchObject([
      { id: "a", result: { result: 1 } },
      { id: null, error: { code: -32600 } },
      { id: 2, error: { code: -32601 } },
    ]);
  });

  it("carries a notification out and answers 204 without a body", async () => {
    const place = meetingPlace();
    const code = 'open(args["pids"], "w").write("1\\n")';
    const { id: _, ...notification } = request("python/execute", { code, args: place.args });
    const response = await post(runner, notification);
    expect([response.status, await response.text()]).toEqual([204, ""]);
    await soon(() => place.pids(1)).toEqual([1]);
  });

  it("answers a request whose id is null", async () => {
    const response = await post(runner, request("rpc.discover", undefined, null));
    expect(await response.json()).toMatchObject({ id: null, result: { name: "gleitzeit-python-runner" } });
  });

  it("is spoken at /rpc as well", async () => {
    const { result } = await execute({ url: `${runner.url}/rpc` }, "result = 2");
    expect(result).toBe(2);
  });

  it("describes itself to rpc.discover", async () => {
    const response = await post(runner, request("rpc.discover"));
    expect(await response.json()).toMatchObject({
      result: {
        name: "gleitzeit-python-runner",
        version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
        python: expect.stringMatching(/^3\.\d+\.\d+$/),
        sandbox: "process",
        network: true,
        maxConcurrent: expect.any(Number),
        packages: expect.any(Array),
        methods: [{ name: "python/execute", params: { required: ["code"] } }],
      },
    });
  });
});

describe("params of python/execute", () => {
  it("may be nested as deeply as Python can read, and are refused beyond", async () => {
    const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`;
    const send = (levels: number) =>
      `{"jsonrpc": "2.0", "id": 1, "method": "python/execute", "params": {"code": "", "args": ${nested(levels)}}}`;
    expect(await (await post(runner, send(500))).json()).toMatchObject({ result: { success: true } });
    const message = "args is nested deeper than 500 levels; pass a flatter structure";
    for (const levels of [501, 100_000]) {
      expect(await errorOf(runner, send(levels))).toEqual({ code: -32602, message });
    }
  });

  it.each([
    [undefined, "params must be an object with at least code"],
    [["1"], "params must be an object with at least code"],
    [{}, "code is required: the Python source as a string"],
    [{ code: 5 }, "code is required"],
    [{ code: "", context: [] }, "context must be an object"],
    [{ code: "", args: "x" }, "args must be an object"],
    [{ code: "", timeout: 0 }, "timeout must be a number of seconds from 1 to 300"],
    [{ code: "", timeout: 301 }, "timeout must be"],
    [{ code: "", timeout: "5" }, "timeout must be"],
    [{ code: "", name: "a\nb" }, "name must be a file name"],
    [{ code: "", image: "python:3" }, "image needs a runner started with --sandbox docker"],
    [{ code: "", files: ["a"] }, "files must be an object"],
    [{ code: "", files: { "../a": "" } }, 'files["../a"] must be a relative path to a file, without ..'],
    [{ code: "", files: { "a/../b": "" } }, 'files["a/../b"] must be'],
    [{ code: "", files: { "/etc/a": "" } }, 'files["/etc/a"] must be'],
    [{ code: "", files: { "a\0b": "" } }, 'files["a\\u0000b"] must be'],
    [{ code: "", files: { "": "" } }, 'files[""] must be'],
    [{ code: "", files: { "a/": "" } }, 'files["a/"] must be'],
    [{ code: "", files: { [`${"é".repeat(200)}`]: "" } }, "is too long a path"],
    [{ code: "", files: { a: 5 } }, 'files["a"] must be a text or {base64: a padded base64 string}'],
    [{ code: "", files: { a: { base64: "a b=" } } }, 'files["a"] must be a text'],
    [{ code: "", files: { a: "", "a/b/c": "" } }, 'files name "a" as a file and as a folder'],
    [{ code: "", files: { a: "", "./a": "" } }, "files name the same path twice"],
  ])("%j are refused with -32602 and the param's name", async (params, message) => {
    const error = await errorOf(runner, request("python/execute", params));
    expect(error).toEqual({ code: -32602, message: expect.stringContaining(message) });
  });
});
