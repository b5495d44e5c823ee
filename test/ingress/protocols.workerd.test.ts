/** `/v1/protocols`, and what registered protocols and tools of servers mean to workflows. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { CheckReport } from "../../src/contract/api.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import type { Protocol } from "../../src/contract/protocol.ts";
import type { InstanceSpec } from "../../src/providers/hub/spec.ts";
import { PROTOCOLS } from "../../src/providers/protocols/index.ts";
import { hubStub } from "../../src/stubs.ts";
import { postJson, problemOf, runOf, send, withObjects } from "../workerd/http.ts";
import { bindings } from "../workerd/start.ts";

const PATH = "/v1/protocols";
const SCORE = {
  params: { type: "object", required: ["text"], properties: { text: { type: "string" } } },
  result: { type: "object", required: ["score"] },
  timeout: 7,
};
const SENTIMENT = { description: "Moods of texts.", methods: { score: SCORE } };

const put = (name: string, body: unknown): Promise<Response> =>
  send(`${PATH}/${name}`, {
    method: "PUT",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json" },
  });
const list = async (query = "") =>
  await (await send(`${PATH}${query}`)).json<{ items: Protocol[]; nextCursor: string | null }>();
const check = async (...tasks: object[]): Promise<CheckReport> =>
  await (await postJson("/v1/workflows/check", { name: "x", tasks })).json();

beforeEach(async () => {
  await put("sentiment/v1", SENTIMENT);
});
afterEach(() => vi.restoreAllMocks());

describe("PUT /v1/protocols/{name}/{version}", () => {
  test("registers a protocol, and replaces it the second time", async () => {
    const first = await put("fresh/v2", SENTIMENT);
    expect([first.status, first.headers.get("Location")]).toEqual([201, "/v1/protocols/fresh/v2"]);
    const made = await first.json<Protocol>();
    expect(made).toMatchObject({ name: "fresh/v2", version: "2", description: "Moods of texts." });
    expect(Object.keys(made.methods)).toEqual(["fresh/score"]);
    const second = await put("fresh/v2", { methods: { other: {} } });
    expect([second.status, Object.keys((await second.json<Protocol>()).methods)]).toEqual([
      200,
      ["fresh/other"],
    ]);
    expect(await (await send(`${PATH}/fresh/v2`)).json()).toMatchObject({ methods: { "fresh/other": {} } });
  });

  test("takes what GET gave", async () => {
    const given = await (await send(`${PATH}/sentiment/v1`)).json();
    const answer = await put("sentiment/v1", given);
    expect([answer.status, await answer.json()]).toEqual([200, given]);
  });

  test.each(["llm/v1", "mcp/v1", "python/v1", "echo/v1", "llm/v2"])("%s is taken: 409", async (name) => {
    const answer = await put(name, SENTIMENT);
    expect([answer.status, (await problemOf(answer)).code]).toEqual([409, "conflict"]);
  });

  test("refuses what does not check with all that is wrong: 422", async () => {
    const method = { params: { type: "txt", pattern: "(a+)+" }, timeout: 0, retires: 1 };
    const answer = await put("sentiment/v1", {
      methods: { score: method, list: { result: { pattern: "(a+)+" } } },
    });
    const problem = await problemOf(answer);
    expect([answer.status, problem.code]).toEqual([422, "invalid_protocol"]);
    expect(problem.issues.map(({ code, path }) => `${code} ${path}`)).toEqual([
      "unknown_key methods.score.retires",
      "invalid_value methods.score.timeout",
      "unsafe_pattern methods.list.result.pattern",
    ]);
    expect(await (await send(`${PATH}/sentiment/v1`)).json()).toMatchObject({
      description: "Moods of texts.",
    });
  });

  test.each(["Sentiment/v1", "sentiment/one"])("refuses the name %s: 422", async (name) => {
    const answer = await put(name, SENTIMENT);
    expect([answer.status, (await problemOf(answer)).code]).toEqual([422, "invalid_protocol"]);
  });

  test("refuses what is no object: 400, no JSON: 415, too large: 413", async () => {
    expect((await put("a/v1", [])).status).toBe(400);
    const yaml = { method: "PUT", body: "a: 1", headers: { "Content-Type": "application/yaml" } };
    expect((await send(`${PATH}/a/v1`, yaml)).status).toBe(415);
    expect((await put("a/v1", { description: "x".repeat(LIMITS.protocolBytes) })).status).toBe(413);
    let deep: object = {};
    for (let level = 0; level < 100; level++) deep = { not: deep };
    expect((await put("a/v1", { methods: { a: { params: deep } } })).status).toBe(400);
  });
});

describe("GET /v1/protocols", () => {
  test("lists those that ship and those that are registered by name, in pages", async () => {
    const names = (await list()).items.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
    expect(names).toEqual(expect.arrayContaining(["sentiment/v1", ...PROTOCOLS.map(({ name }) => name)]));
    const first = await list("?limit=1");
    expect(first.items.map(({ name }) => name)).toEqual(names.slice(0, 1));
    const second = await list(`?limit=1&cursor=${first.nextCursor}`);
    expect(second.items.map(({ name }) => name)).toEqual(names.slice(1, 2));
  });

  test("of one gives its methods with their schemas, or 404", async () => {
    expect(await (await send(`${PATH}/llm/v1`)).json()).toEqual(PROTOCOLS[0]);
    expect(await (await send(`${PATH}/sentiment/v1`)).json()).toMatchObject({
      methods: { "sentiment/score": SCORE },
    });
    expect((await send(`${PATH}/nothing/v1`)).status).toBe(404);
  });
});

describe("a workflow", () => {
  test("may use a protocol as soon as it is registered", async () => {
    const task = { method: "sentiment/score", params: { text: "hi" } };
    expect(await check(task)).toMatchObject({ valid: true, issues: [] });
    expect((await check({ ...task, params: {} })).issues).toMatchObject([
      { code: "invalid_params", message: 'task "task-1": params needs "text"' },
    ]);
    expect((await check({ method: "sentiment/scroe" })).issues).toMatchObject([
      { code: "unknown_method", suggestion: 'did you mean "sentiment/score"?' },
    ]);
    expect((await check({ method: "sentimant/score" })).issues).toMatchObject([
      { code: "unknown_protocol", suggestion: 'did you mean "sentiment/v1"?' },
    ]);
  });

  test("that names only what ships asks D1 nothing", async () => {
    const get = () => {
      throw new Error("D1 is away");
    };
    const env = { ...bindings, DB: new Proxy(bindings.DB, { get }) };
    const checkWith = (method: string) =>
      send(
        "/v1/workflows/check",
        {
          method: "POST",
          body: JSON.stringify({ name: "x", tasks: [{ method, params: { prompt: "hi" } }] }),
          headers: { "Content-Type": "application/json" },
        },
        env,
      );
    expect(await (await checkWith("llm/chat")).json()).toMatchObject({ valid: true });
    const answer = await checkWith("sentiment/score");
    expect([answer.status, (await problemOf(answer)).code]).toEqual([503, "unavailable"]);
    expect((await send(`${PATH}/llm/v1`, {}, env)).status).toBe(200);
  });

  test("keeps in its run what the methods were when it started", async () => {
    const seen: Uint8Array[] = [];
    const start = async (definition: Uint8Array) => {
      seen.push(definition);
      return { ok: false, code: "unavailable", message: "seen" };
    };
    const tasks = [
      { id: "a", method: "sentiment/score", params: { text: "hi" } },
      { id: "b", method: "echo/echo", params: { message: "hi" } },
    ];
    const body = JSON.stringify({ name: "x", tasks });
    const headers = { "Content-Type": "application/json" };
    await send("/v1/runs", { method: "POST", body, headers }, withObjects({ start }));
    expect(JSON.parse(new TextDecoder().decode(seen[0]))).toMatchObject({
      methods: { "sentiment/score": SCORE },
      methodDefaults: { "sentiment/score": { timeout: 7 } },
    });
  });

  test("is carried through by whoever is registered for its protocol", async () => {
    vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
      const request = new Request(input, init);
      const { id, method, params } = await request.json<{
        id: string;
        method: string;
        params: { text: string };
      }>();
      const result = method === "rpc.discover" ? { info: { version: "3" } } : { score: params.text.length };
      return Response.json({ jsonrpc: "2.0", id, result });
    });
    const instance = { protocol: "sentiment/v1", kind: "jsonrpc", url: "https://moods.example.com/rpc" };
    const registered = await send("/v1/providers/moods", {
      method: "PUT",
      body: JSON.stringify(instance),
      headers: { "Content-Type": "application/json" },
    });
    expect([registered.status, await registered.json()]).toMatchObject([
      201,
      { health: { status: "healthy" }, version: "3" },
    ]);
    const tasks = [{ id: "a", method: "sentiment/score", params: { text: "glad" } }];
    const run = await runOf(await postJson("/v1/runs?wait=30", { name: "x", tasks }));
    expect(run).toMatchObject({ status: "completed", outputs: { a: { score: 4 } } });
  });
});

describe("a tool of a registered MCP server", () => {
  const spec: InstanceSpec = {
    id: "tools",
    kind: "mcp",
    url: "https://mcp.example.com",
    source: "registered",
    weight: 1,
    tags: [],
    allowPull: false,
  };
  const offer = async (...tools: string[]) => {
    const hub = hubStub(bindings, "mcp/v1");
    await hub.put(spec);
    const seen = {
      id: "tools",
      url: spec.url,
      health: { healthy: true as const },
      latencyMs: 1,
      offering: { tools },
    };
    await hub.looked({ protocol: "mcp/v1", instances: [seen], found: [], notFound: [] });
  };

  test("is known to the checker, and suggested", async () => {
    expect((await check({ method: "mcp/tool.fetch" })).issues).toMatchObject([{ code: "unknown_tool" }]);
    await offer("fetch");
    expect((await check({ method: "mcp/tool.fetch" })).issues).toEqual([]);
    expect((await check({ method: "mcp/tool.fetsh" })).issues).toMatchObject([
      { severity: "warning", code: "unknown_tool", suggestion: 'did you mean "fetch"?' },
    ]);
  });

  test("is only warned of while the hub does not answer", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const HUBS = new Proxy(bindings.HUBS, {
      get: () => () => ({ list: () => Promise.reject(new Error("away")) }),
    });
    const body = JSON.stringify({ name: "x", tasks: [{ method: "mcp/tool.fetch" }] });
    const headers = { "Content-Type": "application/json" };
    const answer = await send(
      "/v1/workflows/check",
      { method: "POST", body, headers },
      { ...bindings, HUBS },
    );
    expect(await answer.json()).toMatchObject({ valid: true, issues: [{ code: "unknown_tool" }] });
  });
});
