/** A protocol is data: methods with schemas. It is the contract between a workflow and whatever carries it out. */
import * as z from "zod";
import { type Json, type JsonObject, jsonObject } from "./json.ts";
import { retrySettings } from "./workflow.ts";

export const protocolMethod = z.object({
  description: z.string(),
  params: jsonObject,
  result: jsonObject,
  timeout: z.number().optional(),
  retry: retrySettings.optional(),
  /** Another instance may be tried after bytes were sent. */
  idempotent: z.boolean().optional(),
});

export const protocol = z.object({
  name: z.string(),
  version: z.string(),
  description: z.string(),
  methods: z.record(z.string(), protocolMethod),
});
export type Protocol = z.infer<typeof protocol>;
export type ProtocolMethod = z.infer<typeof protocolMethod>;

/**
 * What a task asks of a hub. `model` and `tool` are absent where any instance of the protocol will do; `instance` names
 * the one that must do it, `tags` are those that an instance must have.
 * Methods that are answered without a provider (echo, the built-in tools) have no need.
 */
export const need = z.object({
  protocol: z.string(),
  model: z.string().optional(),
  tool: z.string().optional(),
  instance: z.string().optional(),
  tags: z.array(z.string()).optional(),
});
export type Need = z.infer<typeof need>;

const BUILTIN_TOOLS = ["echo", "add", "multiply", "concat"];
const BUILTIN_METHODS = [
  ...BUILTIN_TOOLS.map((tool) => `mcp/tool.${tool}`),
  "mcp/ping",
  "mcp/tools/list",
  "mcp/tools/call",
  "mcp/server_info",
];

/** What Gleitzeit answers itself, at once, unless the task names a server, or an instance. */
function isBuiltin({ protocol: name, method, instance }: Asking, params: JsonObject): boolean {
  if (name === "echo/v1") return true;
  if (name !== "mcp/v1" || params["server"] !== undefined || instance !== undefined) return false;
  if (method === "mcp/tools/call") return BUILTIN_TOOLS.includes(String(params["name"]));
  return BUILTIN_METHODS.includes(method);
}

type Asking = {
  protocol: string;
  method: string;
  instance?: string | undefined;
  tags?: string[] | undefined;
};

/** What a task with these params asks of a hub; `params` may still hold references, which then stand in the need. */
export function needOf(task: Asking, params: JsonObject): Need | undefined {
  const { protocol: protocolName, method, tags } = task;
  if (isBuiltin(task, params)) return undefined;
  const found: Need = { protocol: protocolName };
  const model = protocolName === "llm/v1" ? text(params["model"]) : undefined;
  const tool = protocolName === "mcp/v1" ? toolIn(method, params) : undefined;
  const server = protocolName === "mcp/v1" ? text(params["server"]) : undefined;
  const instance = task.instance ?? server;
  if (model !== undefined) found.model = model;
  if (tool !== undefined) found.tool = tool;
  if (instance !== undefined) found.instance = instance;
  if (tags !== undefined && tags.length > 0) found.tags = tags;
  return found;
}

/** The same text for the same need: what runs, hubs and executors group by. */
export function needKey({ protocol: name, model, tool, instance, tags }: Need): string {
  return JSON.stringify([name, model ?? null, tool ?? null, instance ?? null, tags ?? []]);
}

function toolIn(method: string, params: JsonObject): string | undefined {
  if (method === "mcp/tools/call") return text(params["name"]);
  return method.startsWith("mcp/tool.") ? method.slice("mcp/tool.".length) : undefined;
}

function text(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
