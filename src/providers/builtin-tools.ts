/** The built-in tools: what each takes, and what it gives back. */
import type { Json, JsonObject } from "../contract/json.ts";
import { ProviderError } from "./failure.ts";
import { BUILTIN_ARGUMENTS } from "./protocols/mcp.ts";
import type { Tool } from "./provider.ts";

/** `response` is the reply as text. */
export type ToolReply = JsonObject & { response: string };
type BuiltinTool = Tool & { run(given: JsonObject): ToolReply };

export const BUILTIN_TOOLS: BuiltinTool[] = [
  tool("echo", "The message again.", (given) => {
    const response = asText(required("echo", given, "message"));
    return { response, echoed: true, length: [...response].length };
  }),
  tool("add", "The sum of two numbers.", (given) => {
    const [a, b] = [numberIn("add", given, "a"), numberIn("add", given, "b")];
    return calculated(a, "+", b, a + b);
  }),
  tool("multiply", "The product of two numbers.", (given) => {
    const [a, b] = [numberIn("multiply", given, "a"), numberIn("multiply", given, "b")];
    return calculated(a, "*", b, a * b);
  }),
  tool("concat", "Texts joined by a separator.", (given) => {
    const strings = required("concat", given, "strings");
    if (!Array.isArray(strings)) throw invalid("concat", "strings", "a list", strings);
    const joined = strings.map(asText).join(asText(given["separator"] ?? " "));
    return { response: joined, result: joined, joined: true, count: strings.length };
  }),
];

export function findTool(name: string): BuiltinTool {
  const found = BUILTIN_TOOLS.find((candidate) => candidate.name === name);
  if (found !== undefined) return found;
  const names = BUILTIN_TOOLS.map((candidate) => candidate.name).join(", ");
  throw new ProviderError("unknown_tool", `tool "${name}": the built-in server has ${names}`);
}

function tool(name: string, description: string, run: BuiltinTool["run"]): BuiltinTool {
  return { name, description, inputSchema: BUILTIN_ARGUMENTS[name] ?? { type: "object" }, run };
}

function calculated(a: number, sign: string, b: number, result: number): ToolReply {
  const calculation = `${a} ${sign} ${b} = ${result}`;
  // JSON has no infinity; null in its place would look like an answer.
  if (!Number.isFinite(result)) throw new ProviderError("tool_failed", `${calculation}: too large a number`);
  return { response: String(result), result, calculation };
}

function numberIn(name: string, given: JsonObject, key: string): number {
  const value = required(name, given, key);
  if (typeof value !== "number") throw invalid(name, key, "a number", value);
  return value;
}

function required(name: string, given: JsonObject, key: string): Json {
  const value = given[key];
  if (value === undefined) throw new ProviderError("invalid_params", `tool "${name}": give it "${key}"`);
  return value;
}

function invalid(name: string, key: string, expected: string, value: Json): ProviderError {
  const shown = JSON.stringify(value).slice(0, 80);
  return new ProviderError("invalid_params", `tool "${name}": "${key}" must be ${expected}, it is ${shown}`);
}

const asText = (value: Json): string => (typeof value === "string" ? value : JSON.stringify(value));
