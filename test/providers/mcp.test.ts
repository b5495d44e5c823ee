import { createMcpHandler } from "@modelcontextprotocol/server";
import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../src/contract/json.ts";
import { MCP_SERVER } from "../../src/providers/mcp.ts";
import { contextFor, failureOf } from "./context.ts";
import { type Handler, serveWith } from "./http-server.ts";
import { serveFetch } from "./mcp-http.ts";
import { weatherServer } from "./mcp-weather.ts";
import { specifyRemote } from "./suite.ts";

const call = (method: string, params: JsonObject = {}) => ({ protocol: "mcp/v1", method, params });

describe("every provider", () => {
  specifyRemote({
    provider: MCP_SERVER,
    call: call("mcp/tool.say", { words: "hi" }),
    expected: { response: "hi", result: "hi" },
    answer: stateless({ "tools/call": { content: [{ type: "text", text: "hi" }] } }),
    flood: { head: '{"jsonrpc":"2.0","id":"1","result":{"text":"', piece: "x".repeat(100_000) },
  });
});

describe("a stateless server of revision 2026-07-28", () => {
  const serve = async () => {
    const seen: { method: string; headers: Headers }[] = [];
    const handler = createMcpHandler(weatherServer, { legacy: "reject" });
    const url = await serveFetch(async (request) => {
      const { method } = JSON.parse(await request.clone().text());
      seen.push({ method: String(method), headers: request.headers });
      return handler.fetch(request);
    });
    return { url, seen };
  };

  test("a tool's structured answer is spread beside response, result and content", async () => {
    const { url } = await serve();
    const { result } = await MCP_SERVER.execute(call("mcp/tool.weather", { city: "Bern" }), contextFor(url));
    expect(result).toMatchObject({
      response: "21 degrees in Bern",
      result: { city: "Bern", degrees: 21 },
      city: "Bern",
      degrees: 21,
      content: [{ type: "text" }],
    });
  });

  test("the second call costs one request, and says all that the server must know", async () => {
    const { url, seen } = await serve();
    const ask = () => MCP_SERVER.execute(call("mcp/tool.weather", { city: "Zürich" }), contextFor(url));
    await ask();
    expect(seen.map(({ method }) => method)).toEqual(["server/discover", "tools/list", "tools/call"]);
    await ask();
    expect(seen.length).toBe(4);
    const { headers } = seen[3] ?? { headers: new Headers() };
    expect(headers.get("mcp-protocol-version")).toBe("2026-07-28");
    expect(headers.get("mcp-method")).toBe("tools/call");
    expect(headers.get("mcp-name")).toBe("weather");
    expect(headers.get("mcp-param-city")).toBe("=?base64?WsO8cmljaA==?=");
  });

  test("progress is reported while a tool works", async () => {
    const { url } = await serve();
    const context = contextFor(url);
    await MCP_SERVER.execute(call("mcp/tool.slow"), context);
    expect(context.reports).toEqual([
      { progress: 1, total: 2, message: "half" },
      { progress: 2, total: 2 },
    ]);
  });

  test("a tool that fails fails the task with its text", async () => {
    const { url } = await serve();
    const failure = await failureOf(MCP_SERVER.execute(call("mcp/tool.broken"), contextFor(url)));
    expect(failure.code).toBe("tool_failed");
    expect(failure.message).toContain('tool "broken" of instance "one"');
    expect(failure.message).toContain("out of order");
  });

  test("a tool that asks back is refused, since nobody is there to answer", async () => {
    const { url } = await serve();
    const failure = await failureOf(MCP_SERVER.execute(call("mcp/tool.curious"), contextFor(url)));
    expect(failure.code).toBe("provider_rejected");
    expect(failure.message).toContain("asks a person or a model back");
  });

  test("it says who it is and what it offers", async () => {
    const { url } = await serve();
    expect(await MCP_SERVER.health(contextFor(url))).toEqual({ healthy: true, version: "3.1" });
    const { tools, ...who } = await MCP_SERVER.describe(contextFor(url));
    expect(who).toEqual({ server: "weather", version: "3.1" });
    expect(tools?.map(({ name }) => name)).toEqual(["weather", "slow", "broken", "curious"]);
    const { result } = await MCP_SERVER.execute(call("mcp/server_info"), contextFor(url));
    expect(result).toMatchObject({ name: "weather", version: "3.1", protocolVersion: "2026-07-28" });
    expect((await MCP_SERVER.execute(call("mcp/ping"), contextFor(url))).result).toEqual({});
  });

  test("what it does not have is said as what it is", async () => {
    const { url } = await serve();
    const missing = call("mcp/resources/read", { uri: "weather://none" });
    expect((await failureOf(MCP_SERVER.execute(missing, contextFor(url)))).code).toMatch(
      /invalid_params|unknown_method/,
    );
  });
});

describe("sessions", () => {
  test.each([
    [404, -32001, "Session not found"],
    [400, -32000, "Bad Request: No valid session ID provided"],
  ])("one that the server has forgotten (%i) is begun anew, once", async (status, code, message) => {
    const methods: string[] = [];
    let sessions = 0;
    const { url } = await serveWith((request, response, body) => {
      const { id, method } = JSON.parse(body);
      methods.push(method);
      if (method === "initialize") response.setHeader("mcp-session-id", `s${++sessions}`);
      const isLive = request.headers["mcp-session-id"] === `s${sessions}`;
      if (method === "initialize") response.end(rpc(id, welcome()));
      else if (!isLive) response.writeHead(status).end(rpcError(id, code, message));
      else if (id === undefined) response.writeHead(202).end();
      else response.end(rpc(id, {}));
    });
    await MCP_SERVER.execute(call("mcp/ping"), contextFor(url));
    sessions++; // the server was started again
    methods.length = 0;
    await MCP_SERVER.execute(call("mcp/ping"), contextFor(url));
    expect(methods).toEqual(["ping", "server/discover", "initialize", "notifications/initialized", "ping"]);
  });

  test.each([
    ["an error of what was asked", 400, -32602, "no such session"],
    ["a refusal that speaks of something else", 400, -32000, "Bad Request: no such city"],
    ["any other status", 500, -32000, "session lost"],
  ])("none is begun anew after %s, whatever the instance is called", async (_, status, code, message) => {
    const methods: string[] = [];
    const { url } = await serveWith((_request, response, body) => {
      const { id, method } = JSON.parse(body);
      methods.push(method);
      if (method === "server/discover") response.end(rpc(id, DISCOVERED));
      else response.writeHead(status).end(rpcError(id, code, message));
    });
    const instance = { id: "session-db", url };
    await failureOf(MCP_SERVER.execute(call("mcp/prompts/get"), contextFor(url, { instance })));
    expect(methods).toEqual(["server/discover", "prompts/get"]);
  });

  test("a server without sessions is asked without one, by its own revision", async () => {
    const seen: { method: string; session: unknown; revision: unknown }[] = [];
    const { url } = await serveWith((request, response, body) => {
      const { id, method } = JSON.parse(body);
      const { "mcp-session-id": session, "mcp-protocol-version": revision } = request.headers;
      seen.push({ method, session, revision });
      if (method === "server/discover") response.writeHead(400).end("no such thing");
      else if (id === undefined) response.writeHead(202).end();
      else response.end(rpc(id, method === "initialize" ? welcome("2025-03-26") : {}));
    });
    await MCP_SERVER.execute(call("mcp/ping"), contextFor(url));
    seen.length = 0;
    await MCP_SERVER.execute(call("mcp/ping"), contextFor(url));
    expect(seen).toEqual([{ method: "ping", session: undefined, revision: "2025-03-26" }]);
  });

  test("a revision that nobody knows is refused by name", async () => {
    const { url } = await serveWith((_, response, body) => {
      const { id, method } = JSON.parse(body);
      if (method === "initialize") response.end(rpc(id, welcome("2031-01-01")));
      else response.end(rpcError(id, -32601, "what?"));
    });
    const failure = await failureOf(MCP_SERVER.execute(call("mcp/ping"), contextFor(url)));
    expect(failure.code).toBe("provider_rejected");
    expect(failure.message).toContain("speaks revision 2031-01-01 of MCP; Gleitzeit speaks 2026-07-28");
  });

  test("an abort is told to the server that holds the call", async () => {
    const controller = new AbortController();
    const { promise: cancelled, resolve } = Promise.withResolvers<JsonObject>();
    const { url, left } = await serveWith((_, response, body) => {
      const { id, method, params } = JSON.parse(body);
      if (method === "server/discover") response.end(rpcError(id, -32601, "what?"));
      else if (method === "initialize") response.end(rpc(id, welcome()));
      else if (method === "tools/list") response.end(rpc(id, { tools: [SAY] }));
      else if (method === "tools/call") controller.abort("no longer wanted");
      else response.writeHead(202).end();
      if (method === "notifications/cancelled") resolve(params);
    });
    const asked = MCP_SERVER.execute(
      call("mcp/tool.say", { words: "x" }),
      contextFor(url, { signal: controller.signal }),
    );
    await expect(asked).rejects.toBe("no longer wanted");
    expect(await cancelled).toEqual({ requestId: expect.any(String), reason: "no longer wanted" });
    await left;
  });

  test("a server that asks whether we are there is told so, and anything else refused", async () => {
    const { promise: told, resolve } = Promise.withResolvers<JsonObject[]>();
    const answers: JsonObject[] = [];
    const { url } = await serveWith((_, response, body) => {
      const { id, method, ...answer } = JSON.parse(body);
      if (method === "server/discover") return response.end(rpcError(id, -32601, "what?"));
      if (method === "initialize") return response.end(rpc(id, welcome()));
      if (method === undefined && answers.push({ id, ...answer }) === 2) resolve(answers);
      if (method !== "prompts/list") return response.writeHead(202).end();
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(`data: {"jsonrpc":"2.0","id":7,"method":"ping"}\n\n`);
      response.write(`data: {"jsonrpc":"2.0","id":8,"method":"sampling/createMessage","params":{}}\n\n`);
      return response.end(`data: ${rpc(id, { prompts: [] })}\n\n`);
    });
    const { result } = await MCP_SERVER.execute(call("mcp/prompts/list"), contextFor(url));
    expect(result).toEqual({ prompts: [] });
    expect(await told).toMatchObject([
      { id: 7, result: {} },
      { id: 8, error: { code: -32601 } },
    ]);
  });
});

describe("lists", () => {
  test("are followed to their end, unless the caller turns the pages", async () => {
    const { url } = await serveWith((_, response, body) => {
      const { id, method, params } = JSON.parse(body);
      if (method === "server/discover") return response.end(rpc(id, DISCOVERED));
      const page = Number(params.cursor ?? 0);
      const more = page < 2 ? { nextCursor: String(page + 1) } : {};
      return response.end(rpc(id, { resources: [{ uri: `r://${page}` }], ...more }));
    });
    const list = async (params: JsonObject) =>
      (await MCP_SERVER.execute(call("mcp/resources/list", params), contextFor(url))).result;
    expect(await list({})).toEqual({ resources: [{ uri: "r://0" }, { uri: "r://1" }, { uri: "r://2" }] });
    expect(await list({ cursor: "1" })).toEqual({ resources: [{ uri: "r://1" }], nextCursor: "2" });
  });

  test("that never end are left where a limit is, with the place to go on", async () => {
    let pages = 0;
    const { url } = await serveWith((_, response, body) => {
      const { id, method } = JSON.parse(body);
      if (method === "server/discover") return response.end(rpc(id, DISCOVERED));
      return response.end(rpc(id, { prompts: [{ name: "p" }], nextCursor: String(++pages) }));
    });
    const { result } = await MCP_SERVER.execute(call("mcp/prompts/list"), contextFor(url));
    expect(result).toMatchObject({ nextCursor: "100" });
  });
});

describe("what may be done twice", () => {
  const callOf = async (annotations: JsonObject) => {
    const { url } = await serveWith(stateless({ "tools/call": undefined }, [{ ...SAY, annotations }]));
    return failureOf(MCP_SERVER.execute(call("mcp/tool.say", { words: "x" }), contextFor(url)));
  };

  test("a call that broke off, where the tool's hints allow it", async () => {
    expect(await callOf({ readOnlyHint: true })).toMatchObject({ code: "stream_broken", mayRepeat: true });
    expect(await callOf({ idempotentHint: true })).toMatchObject({ mayRepeat: true });
    expect(await callOf({ readOnlyHint: false })).toMatchObject({ code: "stream_broken", mayRepeat: false });
  });

  test("whatever goes wrong before the tool is called", async () => {
    const { url } = await serveWith((_, response) => response.writeHead(500).end());
    const failure = await failureOf(MCP_SERVER.execute(call("mcp/tool.say"), contextFor(url)));
    expect(failure).toMatchObject({ code: "provider_unavailable", mayRepeat: true });
  });
});

describe("a schema that matches without end, or cannot be used", () => {
  const evil: JsonObject = { properties: { words: { pattern: "^(a+)+$" } } };
  const endless: JsonObject = { $ref: "#" };

  test.each([evil, endless])("is not used: the server checks by itself (%j)", async (schema) => {
    const words = `${"a".repeat(60)}!`;
    const said = { content: [], structuredContent: { words } };
    const tool = { ...SAY, inputSchema: schema, outputSchema: schema };
    const { url } = await serveWith(stateless({ "tools/call": said }, [tool]));
    const { result } = await MCP_SERVER.execute(call("mcp/tool.say", { words }), contextFor(url));
    expect(result).toMatchObject({ words });
  });
});

describe("what a server says of itself", () => {
  const infoOf = async (said: JsonObject) => {
    const { serverInfo = {}, ...more } = said;
    const discovered = {
      ...DISCOVERED,
      ...more,
      _meta: { "io.modelcontextprotocol/serverInfo": serverInfo },
    };
    const { url } = await serveWith(stateless({ "server/discover": discovered }));
    return (await MCP_SERVER.execute(call("mcp/server_info"), contextFor(url))).result;
  };

  test("is kept as far as it is of use", async () => {
    const serverInfo = { name: "weather", version: "1", icons: [] };
    const capabilities = { tools: { listChanged: true } };
    expect(await infoOf({ serverInfo, capabilities, instructions: "Ask me." })).toEqual({
      name: "weather",
      version: "1",
      protocolVersion: "2026-07-28",
      capabilities,
      instructions: "Ask me.",
    });
  });

  test("and not where it is longer than anybody would read", async () => {
    const long = "x".repeat(100_000);
    const said = { serverInfo: { name: long, version: "1" }, capabilities: { long }, instructions: long };
    expect(await infoOf(said)).toEqual({
      name: "one",
      version: "1",
      protocolVersion: "2026-07-28",
      capabilities: {},
    });
  });
});

describe("structured answers", () => {
  const answer = async (structuredContent: Json) => {
    const outputSchema = { type: "object", properties: { n: { type: "number" } } };
    const said = { content: [], structuredContent };
    const { url } = await serveWith(stateless({ "tools/call": said }, [{ ...SAY, outputSchema }]));
    return MCP_SERVER.execute(call("mcp/tool.say", { words: "x" }), contextFor(url));
  };

  test("never take the place of response, result and content", async () => {
    const structured = { n: 1, response: "mine", content: "mine" };
    expect((await answer(structured)).result).toEqual({
      n: 1,
      response: "",
      result: structured,
      content: [],
    });
  });

  test("that break the tool's own schema are no answer", async () => {
    const failure = await failureOf(answer({ n: "one" }));
    expect(failure.code).toBe("invalid_result");
    expect(failure.message).toContain("breaks its own outputSchema: structuredContent.n must be a number");
  });
});

describe("errors of a server", () => {
  test.each([
    [-32602, "invalid_params"],
    [-32002, "invalid_params"],
    [-32601, "unknown_method"],
    [-32021, "provider_rejected"],
    [-32603, "provider_unavailable"],
    [42, "tool_failed"],
  ])("%i is %s", async (code, expected) => {
    const { url } = await serveWith((_, response, body) => {
      const { id, method } = JSON.parse(body);
      response.end(method === "server/discover" ? rpc(id, DISCOVERED) : rpcError(id, code, "because"));
    });
    const asked = MCP_SERVER.execute(call("mcp/resources/read", { uri: "r://1" }), contextFor(url));
    const failure = await failureOf(asked);
    expect(failure.code).toBe(expected);
    expect(failure.message).toContain("because");
  });
});

const SAY = {
  name: "say",
  inputSchema: { type: "object", required: ["words"], properties: { words: { type: "string" } } },
};
const DISCOVERED = { supportedVersions: ["2026-07-28"], capabilities: {}, resultType: "complete" };

function welcome(protocolVersion = "2025-11-25"): JsonObject {
  return { protocolVersion, capabilities: {}, serverInfo: { name: "test", version: "1" } };
}

function rpc(id: Json, result: Json): string {
  return JSON.stringify({ jsonrpc: "2.0", id, result });
}

function rpcError(id: Json, code: number, message: string): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error: { code, message } });
}

/** A server of the stateless revision, by hand; what it has no answer for it breaks off. */
function stateless(answers: Record<string, Json | undefined>, tools: JsonObject[] = [SAY]): Handler {
  const all: Record<string, Json | undefined> = {
    "server/discover": DISCOVERED,
    "tools/list": { tools },
    ...answers,
  };
  return (_, response, body) => {
    const { id, method } = JSON.parse(body);
    const result = all[method];
    if (result === undefined) response.write("{", () => response.destroy());
    else response.end(rpc(id, result));
  };
}
