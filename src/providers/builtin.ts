/** What Gleitzeit answers itself, at once: echo, and the tools that are always there. */
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { BUILTIN_TOOLS, findTool, type ToolReply } from "./builtin-tools.ts";
import { ProviderError } from "./failure.ts";
import type { Call, Provider, Tool } from "./provider.ts";

export const BUILTIN: Provider = {
  kind: "builtin",
  execute: async (call, { signal }) => {
    signal.throwIfAborted();
    return { result: answer(call) };
  },
  health: async () => ({ healthy: true }),
  describe: async () => ({ tools: toolList() }),
};

const TOOL_PREFIX = "mcp/tool.";

function answer({ method, params }: Call): JsonObject {
  switch (method) {
    case "echo/echo":
      return { ...params, response: params["message"] ?? null };
    case "mcp/ping":
      return {};
    case "mcp/tools/list":
      return { tools: toolList() };
    case "mcp/tools/call":
      return callAsMcp(params);
    case "mcp/server_info":
      return { name: "gleitzeit", version: "1", capabilities: { tools: {} } };
    default:
      return callTool(method, params);
  }
}

function callTool(method: string, params: JsonObject): ToolReply {
  if (!method.startsWith(TOOL_PREFIX)) {
    throw new ProviderError("unknown_method", `"${method}": the built-in server has no such method`);
  }
  const { arguments: nested, server: _, ...bare } = params;
  return findTool(method.slice(TOOL_PREFIX.length)).run(isJsonObject(nested) ? nested : bare);
}

/** The same tools in MCP's own form. */
function callAsMcp(params: JsonObject): JsonObject {
  const given = params["arguments"];
  const reply = findTool(String(params["name"])).run(isJsonObject(given) ? given : {});
  return {
    content: [{ type: "text", text: reply.response }],
    structuredContent: reply,
    isError: false,
  };
}

function toolList(): Tool[] {
  return BUILTIN_TOOLS.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
}
