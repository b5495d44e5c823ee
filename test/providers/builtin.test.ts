import { expect, test } from "vitest";
import type { JsonObject } from "../../src/contract/json.ts";
import { BUILTIN } from "../../src/providers/builtin.ts";
import { contextFor, failureOf } from "./context.ts";
import { specifyLocal } from "./suite.ts";

specifyLocal({
  provider: BUILTIN,
  call: { protocol: "echo/v1", method: "echo/echo", params: { message: "Hello", lang: "en" } },
  expected: { response: "Hello", message: "Hello", lang: "en" },
});

const context = contextFor("");
const ask = async (method: string, params: JsonObject = {}) =>
  (await BUILTIN.execute({ protocol: "mcp/v1", method, params }, context)).result;

test("echo says any JSON back", async () => {
  expect(await ask("echo/echo", { message: { a: [1] } })).toEqual({
    response: { a: [1] },
    message: { a: [1] },
  });
  expect(await ask("echo/echo", {})).toEqual({ response: null });
});

test("the echo tool gives the message and its length in characters", async () => {
  expect(await ask("mcp/tool.echo", { message: "Grüße 🎉" })).toEqual({
    response: "Grüße 🎉",
    echoed: true,
    length: 7,
  });
});

test("add and multiply give the number, its text and the calculation", async () => {
  const sum = { response: "100", result: 100, calculation: "42 + 58 = 100" };
  expect(await ask("mcp/tool.add", { a: 42, b: 58 })).toEqual(sum);
  const product = { response: "3", result: 3, calculation: "1.5 * 2 = 3" };
  expect(await ask("mcp/tool.multiply", { a: 1.5, b: 2 })).toEqual(product);
});

test("concat joins with a space unless a separator is given, and writes what is not text as JSON", async () => {
  const words = { response: "a b", result: "a b", joined: true, count: 2 };
  expect(await ask("mcp/tool.concat", { strings: ["a", "b"] })).toEqual(words);
  const mixed = await ask("mcp/tool.concat", { strings: ["a", 1, { b: null }], separator: " | " });
  expect(mixed).toMatchObject({ response: 'a | 1 | {"b":null}', count: 3 });
});

test("arguments stand bare or under arguments", async () => {
  const nested = { arguments: { a: 1, b: 2 } };
  expect(await ask("mcp/tool.add", nested)).toEqual(await ask("mcp/tool.add", { a: 1, b: 2 }));
});

test.each([
  ["add", { a: 1 }, 'tool "add": give it "b"'],
  ["add", { a: "1", b: 2 }, 'tool "add": "a" must be a number, it is "1"'],
  ["concat", { strings: "a" }, 'tool "concat": "strings" must be a list, it is "a"'],
])("tool %s refuses %j", async (name, given, message) => {
  const failed = await failureOf(ask("mcp/tools/call", { name, arguments: given }));
  expect(failed).toMatchObject({ code: "invalid_params", message });
});

test("a number too large for JSON is the tool's failure", async () => {
  expect((await failureOf(ask("mcp/tool.multiply", { a: 1e308, b: 10 }))).code).toBe("tool_failed");
});

test("an unknown tool is answered with those there are", async () => {
  const failed = await failureOf(ask("mcp/tool.divide", { a: 1, b: 2 }));
  expect(failed.code).toBe("unknown_tool");
  expect(failed.message).toContain("echo, add, multiply, concat");
});

test("MCP's own methods answer in MCP's form", async () => {
  expect(await ask("mcp/ping")).toEqual({});
  expect(await ask("mcp/server_info")).toMatchObject({ name: "gleitzeit", version: expect.any(String) });
  expect(await ask("mcp/tools/list")).toMatchObject({
    tools: [
      { name: "echo", inputSchema: { required: ["message"] } },
      { name: "add", inputSchema: { required: ["a", "b"] } },
      { name: "multiply" },
      { name: "concat" },
    ],
  });
  expect(await ask("mcp/tools/call", { name: "add", arguments: { a: 1, b: 2 } })).toEqual({
    content: [{ type: "text", text: "3" }],
    structuredContent: { response: "3", result: 3, calculation: "1 + 2 = 3" },
    isError: false,
  });
});
