import { expect, test } from "vitest";
import type { JsonObject } from "../../src/contract/json.ts";
import { needOf, protocol } from "../../src/contract/protocol.ts";
import { findMethod, PROTOCOLS } from "../../src/providers/protocols/index.ts";
import { checkAgainstSchema } from "../../src/spec/schema.ts";

const problems = (method: string, params: JsonObject) => {
  const schema = findMethod(`${method.split("/")[0]}/v1`, method)?.params ?? { not: {} };
  return checkAgainstSchema(schema, params, { name: "params" }).map(({ message }) => message);
};

test("every protocol is one, and names its methods in full", () => {
  for (const each of PROTOCOLS) {
    expect(protocol.parse(each)).toEqual(each);
    const family = each.name.split("/")[0];
    for (const method of Object.keys(each.methods)) expect(method.split("/")[0]).toBe(family);
  }
});

test("every built-in method has an entry of its own", () => {
  const names = PROTOCOLS.flatMap(({ methods }) => Object.keys(methods));
  expect(
    names.filter((method) => needOf({ protocol: "mcp/v1", method }, { name: "add" }) === undefined),
  ).toHaveLength(8);
});

test.each<[string, JsonObject]>([
  ["llm/chat", { messages: [{ role: "user", content: "Hello" }] }],
  [
    "llm/chat",
    { prompt: "Hello", system: "Be brief", format: { type: "object" }, stop: ["a"], think: "high" },
  ],
  ["llm/chat", { messages: [{ role: "user", content: { any: "json" } }] }],
  ["llm/complete", { prompt: 1, stop: "END" }],
  ["llm/vision", { messages: [{ role: "user", content: "What?" }], images: ["aGVsbG8="] }],
  ["llm/embed", { input: ["a"] }],
  ["llm/embed", { text: "a" }],
  [
    "python/execute",
    { code: "pass", files: { "a.txt": "text", "b.png": { base64: "aGVsbG8=" } }, timeout: 300 },
  ],
  ["mcp/tool.add", { a: 1, b: 2 }],
  ["mcp/tool.add", { arguments: { a: 1, b: 2 } }],
  ["mcp/tool.concat", { strings: [1, "a"] }],
  ["mcp/tool.search", { anything: true, server: "files" }],
  ["echo/echo", { message: null, more: 1 }],
])("%s takes %j", (method, params) => {
  expect(problems(method, params)).toEqual([]);
});

test.each<[string, JsonObject, string]>([
  ["llm/chat", {}, 'params needs "messages" or "prompt"'],
  ["llm/chat", { messages: [] }, "params.messages must have at least 1 item"],
  ["llm/chat", { messages: [{ content: "Hello" }] }, 'params.messages[0] needs "role"'],
  ["llm/chat", { prompt: "a", temperature: 3 }, "params.temperature must be at most 2, not 3"],
  ["llm/complete", {}, 'params needs "prompt"'],
  ["llm/embed", { input: 1 }, "params.input must be a string or a list, not 1"],
  ["python/execute", {}, 'params needs "code"'],
  ["python/execute", { code: "pass", timeout: 301 }, "params.timeout must be at most 300, not 301"],
  ["mcp/tool.add", { a: 1 }, 'params needs "b" or "arguments"'],
  ["mcp/tool.add", { a: "1", b: 2 }, 'params.a must be a number, not the string "1"'],
  ["mcp/tool.add", { arguments: { a: 1 } }, 'params.arguments needs "b"'],
  ["mcp/tools/call", {}, 'params needs "name"'],
])("%s refuses %j", (method, params, message) => {
  expect(problems(method, params)).toContain(message);
});

test("a tool is the built-in one unless a server is named", () => {
  expect(findMethod("mcp/v1", "mcp/tool.add")?.description).toBe("The sum of two numbers.");
  expect(findMethod("mcp/v1", "mcp/tool.add", true)?.description).toBe("Any tool of any server.");
  expect(findMethod("mcp/v1", "mcp/nothing")).toBeUndefined();
  expect(findMethod("none/v1", "none/at-all")).toBeUndefined();
});
