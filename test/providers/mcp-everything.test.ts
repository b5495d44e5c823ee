/** Against the reference server, which has every feature of the session revisions. */
import { afterAll, expect, test } from "vitest";
import type { JsonObject } from "../../src/contract/json.ts";
import { MCP_SERVER } from "../../src/providers/mcp.ts";
import { findMethod } from "../../src/providers/protocols/index.ts";
import { checkAgainstSchema } from "../../src/spec/schema.ts";
import { contextFor, failureOf } from "./context.ts";
import { startEverything } from "./mcp-everything-server.ts";

const { url, close } = await startEverything();
afterAll(close);

const call = (method: string, params: JsonObject = {}) => ({ protocol: "mcp/v1", method, params });
const execute = async (method: string, params: JsonObject = {}, context = contextFor(url)) => {
  const { result } = await MCP_SERVER.execute(call(method, params), context);
  const schema = findMethod("mcp/v1", method, true)?.result ?? { not: {} };
  expect(checkAgainstSchema(schema, result, { name: "result" })).toEqual([]);
  return result;
};
const fail = (method: string, params: JsonObject = {}) =>
  failureOf(MCP_SERVER.execute(call(method, params), contextFor(url)));

test("a tool takes its arguments bare, under `arguments`, and beside `server`", async () => {
  const expected = { response: "The sum of 2 and 3 is 5.", result: "The sum of 2 and 3 is 5." };
  expect(await execute("mcp/tool.get-sum", { a: 2, b: 3 })).toMatchObject(expected);
  expect(await execute("mcp/tool.get-sum", { arguments: { a: 2, b: 3 } })).toMatchObject(expected);
  expect(await execute("mcp/tool.get-sum", { a: 2, b: 3, server: "everything" })).toMatchObject(expected);
});

test("a structured answer is the result, and its fields stand beside it", async () => {
  expect(await execute("mcp/tool.get-structured-content", { location: "Chicago" })).toMatchObject({
    result: { temperature: 36, humidity: 82 },
    response: expect.stringContaining('"temperature":36'),
    temperature: 36,
    humidity: 82,
  });
});

test("what is no text is content all the same", async () => {
  const result = await execute("mcp/tool.get-tiny-image");
  expect(result).toMatchObject({
    response: expect.stringMatching(/\n/),
    content: expect.arrayContaining([expect.objectContaining({ type: "image", mimeType: "image/png" })]),
  });
});

test("progress is reported as it comes", async () => {
  const context = contextFor(url);
  await execute("mcp/tool.trigger-long-running-operation", { duration: 0.2, steps: 4 }, context);
  expect(context.reports).toEqual([1, 2, 3, 4].map((progress) => ({ progress, total: 4 })));
});

test("wrong arguments are found before the call, by the tool's own schema", async () => {
  const failure = await fail("mcp/tool.get-sum", { a: 2, b: "three" });
  expect(failure.code).toBe("invalid_params");
  expect(failure.message).toContain('tool "get-sum" of instance "one"');
  expect(failure.message).toContain('arguments.b must be a number, not the string "three"');
  expect((await fail("mcp/tools/call", { name: "get-sum", arguments: { a: 1 } })).code).toBe(
    "invalid_params",
  );
});

test("an unknown tool is said to be one, with the nearest and those there are", async () => {
  const failure = await fail("mcp/tool.get-summ", { a: 1 });
  expect(failure.code).toBe("unknown_tool");
  expect(failure.message).toContain(
    'has no tool "get-summ"; did you mean "get-sum"? There are: echo, get-annotated-message,',
  );
});

test("a tool that fails fails the task with what it said", async () => {
  const failure = await fail("mcp/tool.gzip-file-as-resource", { data: "ftp://127.0.0.1/none" });
  expect(failure.code).toBe("tool_failed");
  expect(failure.message).toMatch(/^tool "gzip-file-as-resource" of instance "one" \(.*\) failed: .+ftp/);
});

test("tools are listed and called as MCP gives them", async () => {
  expect(await execute("mcp/tools/list")).toMatchObject({
    tools: expect.arrayContaining([expect.objectContaining({ name: "echo", title: "Echo Tool" })]),
  });
  expect(await execute("mcp/tools/call", { name: "echo", arguments: { message: "hi" } })).toEqual({
    content: [{ type: "text", text: "Echo: hi" }],
  });
});

test("resources are listed and read", async () => {
  const listed = await execute("mcp/resources/list");
  const uri = "demo://resource/static/document/features.md";
  expect(listed).toMatchObject({ resources: expect.arrayContaining([expect.objectContaining({ uri })]) });
  expect(await execute("mcp/resources/read", { uri })).toMatchObject({
    contents: [{ uri, text: expect.stringContaining("#") }],
  });
  expect((await fail("mcp/resources/read", { uri: "demo://none" })).code).toBe("invalid_params");
});

test("prompts are listed and filled in", async () => {
  expect(await execute("mcp/prompts/list")).toMatchObject({
    prompts: expect.arrayContaining([expect.objectContaining({ name: "args-prompt" })]),
  });
  const filled = await execute("mcp/prompts/get", { name: "args-prompt", arguments: { city: 8000 } });
  expect(filled).toMatchObject({ messages: [{ content: { text: "What's weather in 8000?" } }] });
  expect((await fail("mcp/prompts/get", { name: "none" })).code).toBe("invalid_params");
});

test("it says who it is, that it is there, and what it offers", async () => {
  expect(await execute("mcp/ping")).toEqual({});
  expect(await execute("mcp/server_info")).toMatchObject({
    name: "mcp-servers/everything",
    version: "2.0.0",
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
  });
  expect(await MCP_SERVER.health(contextFor(url))).toEqual({ healthy: true, version: "2.0.0" });
  const { tools, server } = await MCP_SERVER.describe(contextFor(url));
  expect(server).toBe("mcp-servers/everything");
  expect(tools?.find(({ name }) => name === "get-sum")).toMatchObject({
    description: "Returns the sum of two numbers",
    inputSchema: { required: ["a", "b"] },
  });
});

test("a call costs one request once the server is known", async () => {
  await execute("mcp/tool.echo", { message: "first" });
  let requests = 0;
  const counting: typeof fetch = (input, init) => {
    requests++;
    return fetch(input, init);
  };
  await execute("mcp/tool.echo", { message: "second" }, contextFor(url, { fetch: counting }));
  expect(requests).toBe(1);
});
