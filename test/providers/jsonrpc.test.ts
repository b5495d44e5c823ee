import { describe, expect, it } from "vitest";
import type { Json } from "../../src/contract/json.ts";
import { findProvider } from "../../src/providers/index.ts";
import { JSONRPC } from "../../src/providers/jsonrpc.ts";
import { contextFor, failureOf } from "./context.ts";
import { type Handler, serveWith } from "./http-server.ts";
import { specifyRemote } from "./suite.ts";

const ID = "run_1:task:1";
const call = { protocol: "text/v1", method: "text/stats", params: { text: "one two" } };
const rpc = (body: object) => JSON.stringify({ jsonrpc: "2.0", id: ID, ...body });
const report = { result: 3, output: "", error: null, execution_time: 0.01, success: true };

describe("like any provider", () => {
  specifyRemote({
    provider: JSONRPC,
    // A protocol whose schemas are known here; any will do.
    call: { protocol: "python/v1", method: "python/execute", params: { code: "result = 3" } },
    expected: report,
    answer: (_, response, body) => response.end(rpc({ id: JSON.parse(body).id, result: report })),
    flood: { head: `{"jsonrpc":"2.0","id":"${ID}","result":{"result":"`, piece: "x".repeat(100_000) },
  });
});

it("is found by its kind", () => {
  expect(findProvider("jsonrpc")).toBe(JSONRPC);
});

it("sends the full method, the params as they are and the idempotency key as id, to the very URL", async () => {
  const sent: unknown[] = [];
  const server = await serveWith((_, response) => response.end(rpc({ result: { words: 2 } })));
  const noting: typeof fetch = (input, init) => {
    sent.push(JSON.parse(String(init?.body)));
    return fetch(input, init);
  };
  const context = contextFor(`${server.url}/api/rpc?key=1`, { fetch: noting });
  expect(await JSONRPC.execute(call, context)).toEqual({ result: { words: 2 } });
  expect(sent).toEqual([{ jsonrpc: "2.0", id: ID, method: "text/stats", params: { text: "one two" } }]);
  expect(server.requests).toMatchObject([
    { path: "/api/rpc?key=1", headers: { "content-type": "application/json" } },
  ]);
});

describe("an answer", () => {
  const execute = async (status: number, body: string) => {
    const { url } = await serveWith((_, response) => response.writeHead(status).end(body));
    return JSONRPC.execute(call, contextFor(url));
  };

  it.each<Json>([null, false, 0, "", [], {}, [1, { a: "ü" }]])("may have any result: %j", async (result) => {
    expect(await execute(200, rpc({ result }))).toEqual({ result });
  });

  it("may have an error of null beside its result, as some servers write it", async () => {
    expect(await execute(200, rpc({ result: 1, error: null }))).toEqual({ result: 1 });
  });

  it("may have keys that nobody knows", async () => {
    expect(await execute(200, rpc({ result: 1, meta: { took: 3 } }))).toEqual({ result: 1 });
  });

  it.each([
    [-32700, "provider_rejected"],
    [-32600, "provider_rejected"],
    [-32601, "unknown_method"],
    [-32602, "invalid_params"],
    [-32603, "provider_unavailable"],
    [-32000, "tool_failed"],
    [-32099, "tool_failed"],
    [-32100, "tool_failed"],
    [1, "tool_failed"],
  ])("with error %i is %s, with or without data", async (code, expected) => {
    for (const error of [
      { code, message: "no" },
      { code, message: "no", data: { a: [1] } },
    ]) {
      const failure = await failureOf(execute(200, rpc({ error })));
      expect(failure).toMatchObject({ code: expected, details: { rpcCode: code } });
      expect(failure.message).toContain(`: text/stats failed (JSON-RPC ${code}): no`);
    }
  });

  it("with an error and no id is to our request, which could not be read", async () => {
    const failure = await failureOf(
      execute(200, rpc({ id: null, error: { code: -32700, message: "Parse error" } })),
    );
    expect(failure.code).toBe("provider_rejected");
  });

  it.each([400, 404, 422, 500])("of %i with an error in its body is that error", async (status) => {
    const failure = await failureOf(
      execute(status, rpc({ error: { code: 7, message: "text is too short" } })),
    );
    expect(failure.code).toBe("tool_failed");
    expect(failure.message).toContain("(JSON-RPC 7): text is too short");
  });

  it.each([
    [401, "provider_rejected"],
    [403, "provider_rejected"],
    [429, "provider_unavailable"],
    [502, "provider_unavailable"],
    [503, "provider_unavailable"],
  ])("of %i says what the status says, whatever error is in its body", async (status, expected) => {
    const failure = await failureOf(execute(status, rpc({ error: { code: -32602, message: "never" } })));
    expect(failure).toMatchObject({ code: expected, details: { status } });
    expect(failure.message).toContain(": never");
  });

  it.each([
    ["the id of another request", rpc({ id: "another", result: 1 })],
    ["another request's error", rpc({ id: "another", error: { code: 1, message: "no" } })],
    ["a number for an id", rpc({ id: 1, result: 1 })],
    ["no id, yet a result", rpc({ id: null, result: 1 })],
    ["neither result nor error", rpc({})],
    ["an error without a code", rpc({ error: { message: "no" } })],
    ["an error without a message", rpc({ error: { code: 1 } })],
    ["an error that is a text", rpc({ error: "no" })],
    ["JSON-RPC 1.0", JSON.stringify({ id: ID, result: 1, error: null })],
    ["a batch of one", `[${rpc({ result: 1 })}]`],
    ["an empty batch", "[]"],
    ["bare JSON", "42"],
    ["null", "null"],
    ["two answers", rpc({ result: 1 }) + rpc({ result: 1 })],
    ["a web page", "<!doctype html><title>Welcome</title>"],
  ])("that is %s is none", async (_, body) => {
    const failure = await failureOf(execute(200, body));
    expect(failure.code).toBe("invalid_answer");
    expect(failure.message).toContain("check the instance's URL");
  });

  it("that is 204 and empty, as to a notification, is none", async () => {
    const failure = await failureOf(execute(204, ""));
    expect(failure.code).toBe("invalid_answer");
    expect(failure.message).toContain("but empty");
  });

  it("that says our headers back in an error is quoted without them", async () => {
    const server = await serveWith(({ headers }, response) =>
      response.end(rpc({ error: { code: 1, message: `bad key ${headers["x-key"]}`, data: headers } })),
    );
    const instance = { id: "one", url: server.url, headers: { "x-key": "s3cr3t-value" } };
    const failure = await failureOf(JSONRPC.execute(call, contextFor(server.url, { instance })));
    expect(failure.message).toContain("bad key •••");
    expect(JSON.stringify([failure.message, failure.details, failure.stack])).not.toContain("s3cr3t");
  });
});

describe("a server is looked at", () => {
  const found = { jsonrpc: "2.0", id: "discover" };
  const saying = (body: object, status = 200): Handler => {
    return (_, response) => response.writeHead(status).end(JSON.stringify({ ...found, ...body }));
  };
  const without = (health: number): Handler => {
    return ({ url }, response) => response.writeHead(url?.endsWith("/health") ? health : 404).end("page");
  };
  const look = async (handler: Handler, path = "") => {
    const server = await serveWith(handler);
    const context = contextFor(server.url + path);
    return { server, context, health: await JSONRPC.health(context) };
  };

  it.each([
    ["OpenRPC", { openrpc: "1.3.2", info: { title: "Text", version: "2.1.0" }, methods: [] }, "2.1.0"],
    ["its version alone", { version: "7", methods: [] }, "7"],
  ])("by rpc.discover: %s", async (_, result, version) => {
    const { health, context } = await look(saying({ result }));
    expect(health).toEqual({ healthy: true, version });
    expect(await JSONRPC.describe(context)).toEqual({ version });
  });

  it.each<[string, object, number]>([
    ["a description without a version", { result: { methods: [] } }, 200],
    ["a description that is none", { result: null }, 200],
    ["that it does not know the method", { error: { code: -32601, message: "no such method" } }, 200],
    ["the same with a status of 404", { error: { code: -32601, message: "no such method" } }, 404],
    ["that the request is wrong", { id: null, error: { code: -32600, message: "no" } }, 400],
    ["any error", { error: { code: -32603, message: "no" } }, 500],
  ])("and is healthy where it says %s", async (_, body, status) => {
    const { server, health, context } = await look(saying(body, status));
    expect(health).toEqual({ healthy: true });
    expect(await JSONRPC.describe(context)).toEqual({});
    expect(server.requests.filter(({ path }) => path === "/health")).toEqual([]);
  });

  it.each(["", "/rpc", "/rpc/", "/"])("by its health page where calls are not found: %j", async (path) => {
    const { server, health } = await look(without(200), path);
    expect(health).toEqual({ healthy: true });
    expect(server.requests.at(-1)?.path).toBe("/health");
  });

  it("and is not healthy where neither is there: the reason is the call's", async () => {
    const { health, context } = await look(without(500));
    expect(health).toMatchObject({ healthy: false, reason: expect.stringContaining("answered 404: page") });
    expect((await failureOf(JSONRPC.describe(context))).code).toBe("provider_rejected");
  });

  it.each([401, 403, 429, 500, 503])("and is not healthy where it answers %i", async (status) => {
    const { server, health } = await look((_, response) => response.writeHead(status).end("no"));
    expect(health).toMatchObject({ healthy: false, reason: expect.stringContaining(String(status)) });
    expect(server.requests).toHaveLength(1);
  });

  it("and is not healthy where something else answers", async () => {
    const { health } = await look((_, response) => response.end("<html>"));
    expect(health).toMatchObject({ healthy: false, reason: expect.stringContaining("not a JSON-RPC 2.0") });
  });
});
