import { expect, test } from "vitest";
import type { JsonObject } from "../../src/contract/json.ts";
import { encodeHeader, hasValidMarks, mirrorArguments } from "../../src/providers/mcp/mirror.ts";
import { MCP_SERVER } from "../../src/providers/mcp.ts";
import { contextFor, failureOf, type TestContext } from "./context.ts";
import { type Handler, serveWith } from "./http-server.ts";

const CALL = { protocol: "mcp/v1", method: "mcp/tool.wait", params: {} };
const TOOL = { name: "wait", inputSchema: { type: "object" } };
const DONE = { content: [{ type: "text", text: "done" }] };

/** A server with sessions, or without, that answers its tool by this stream, and `GET` by the other. */
async function serve(era: "session" | "stateless", stream: Handler, resumed: Handler = stream) {
  const server = await serveWith((request, response, body) => {
    if (request.method === "GET") return resumed(request, response, body);
    const { id, method } = JSON.parse(body);
    const answers: Record<string, JsonObject> = {
      "server/discover": era === "stateless" ? { supportedVersions: ["2026-07-28"] } : {},
      initialize: { protocolVersion: "2025-11-25" },
      "tools/list": { tools: [TOOL] },
    };
    const result = answers[method];
    if (method === "initialize") response.setHeader("mcp-session-id", "s1");
    if (result !== undefined) return void response.end(JSON.stringify({ jsonrpc: "2.0", id, result }));
    if (id === undefined) return void response.writeHead(202).end();
    response.writeHead(200, { "content-type": "text/event-stream" });
    return stream(request, response, body);
  });
  const execute = (more: Partial<TestContext> = {}) => MCP_SERVER.execute(CALL, contextFor(server.url, more));
  return { ...server, execute };
}

const events: Handler = (_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
};
const answerTo = (body: string) =>
  `data: ${JSON.stringify({ jsonrpc: "2.0", id: JSON.parse(body).id, result: DONE })}\n\n`;

test("a stream that breaks off is taken up again after its last event", async () => {
  let asked = "";
  let gets = 0;
  const { execute, requests } = await serve(
    "session",
    (_, response, body) => {
      asked = body;
      response.write("id: e1\nretry: 1\ndata:\n\n", () => response.destroy());
    },
    (request, response, body) => {
      events(request, response, body);
      gets++;
      if (gets === 1) response.end("id: e2\ndata:\n\n");
      else response.end(answerTo(asked));
    },
  );
  expect((await execute()).result).toMatchObject({ response: "done" });
  expect(requests.slice(-2).map(({ headers }) => headers["last-event-id"])).toEqual(["e1", "e2"]);
  expect(requests.at(-1)?.headers).toMatchObject({ "mcp-session-id": "s1", accept: "text/event-stream" });
});

test("a server that has nothing new to say three times is given up", async () => {
  const { execute, requests } = await serve(
    "session",
    (_, response) => response.end("id: e1\nretry: 1\ndata:\n\n"),
    (request, response, body) => {
      events(request, response, body);
      response.end();
    },
  );
  const failure = await failureOf(execute());
  expect(failure.code).toBe("stream_broken");
  expect(requests.filter(({ headers }) => headers["last-event-id"] === "e1").length).toBe(3);
});

test("a server that cannot go on broke off", async () => {
  const { execute } = await serve(
    "session",
    (_, response) => response.end("id: e1\nretry: 1\ndata:\n\n"),
    (_, response) => response.writeHead(405).end(),
  );
  expect((await failureOf(execute())).code).toBe("stream_broken");
});

test("a stateless server is not asked for the rest of a stream", async () => {
  const { execute, requests } = await serve("stateless", (_, response) => response.end("id: e1\ndata:\n\n"));
  expect((await failureOf(execute())).code).toBe("stream_broken");
  expect(requests.length).toBe(3);
});

test("an abort ends the wait before a stream is taken up again", async () => {
  const controller = new AbortController();
  const { execute } = await serve("session", (_, response) => {
    response.end("id: e1\nretry: 60000\ndata:\n\n", () => setImmediate(() => controller.abort("enough")));
  });
  await expect(execute({ signal: controller.signal })).rejects.toBe("enough");
});

test("one event over the limit of a result is cut off", async () => {
  const { execute, left } = await serve("stateless", (_, response) => {
    response.write("data: ");
    const piece = "x".repeat(100_000);
    const write = () => {
      while (!response.destroyed && response.write(piece));
    };
    response.on("drain", write);
    write();
  });
  expect((await failureOf(execute())).code).toBe("result_too_large");
  await left;
});

test("an event that is no message is said to be none", async () => {
  const { execute } = await serve("stateless", (_, response) => response.end("data: hello there\n\n"));
  const failure = await failureOf(execute());
  expect(failure.code).toBe("invalid_answer");
  expect(failure.message).toContain("hello there");
});

test("secret headers go with every request, and what is known of a server is known for them alone", async () => {
  const { url, requests } = await serve("session", (_, response, body) => response.end(answerTo(body)));
  const as = (key: string) =>
    MCP_SERVER.execute(CALL, contextFor(url, { instance: { id: "one", url, headers: { "x-key": key } } }));
  await as("first-secret");
  const first = requests.length;
  expect(requests.map(({ headers }) => headers["x-key"])).toEqual(Array(first).fill("first-secret"));
  await as("other-secret");
  expect(requests.length).toBe(2 * first);
});

test("arguments are mirrored into the headers that a schema names, at any depth", () => {
  const schema = {
    type: "object",
    properties: {
      region: { type: "string", "x-mcp-header": "Region" },
      page: { type: "object", properties: { size: { type: "integer", "x-mcp-header": "Size" } } },
      dry: { type: "boolean", "x-mcp-header": "Dry" },
    },
  };
  const given = { region: "Zürich", page: { size: 3 } };
  expect(mirrorArguments(schema, given)).toEqual({
    "mcp-param-region": encodeHeader("Zürich"),
    "mcp-param-size": "3",
  });
  expect(hasValidMarks(schema)).toBe(true);
});

test.each([
  ["two of one name", { a: marked("X"), b: marked("x") }],
  ["a name that no header can have", { a: marked("a b") }],
  ["a list", { a: { type: "array", "x-mcp-header": "A" } }],
])("a schema whose marks break the rules is found: %s", (_, properties) => {
  expect(hasValidMarks({ type: "object", properties })).toBe(false);
});

test("text that HTTP would change is sent as base64", () => {
  expect(encodeHeader("plain")).toBe("plain");
  expect(encodeHeader(" a")).toBe("=?base64?IGE=?=");
  expect(encodeHeader("")).toBe("=?base64??=");
  expect(encodeHeader("=?base64?YQ==?=")).toBe("=?base64?PT9iYXNlNjQ/WVE9PT89?=");
});

function marked(name: string): JsonObject {
  return { type: "string", "x-mcp-header": name };
}
