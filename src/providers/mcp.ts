/** MCP servers over Streamable HTTP: their tools, resources and prompts. https://modelcontextprotocol.io/specification */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { toolOf } from "../spec/methods.ts";
import { ProviderError } from "./failure.ts";
import { healthBy } from "./health.ts";
import { repeatable } from "./mcp/failure.ts";
import { type Listed, listAll, listPage } from "./mcp/lists.ts";
import { mirrorArguments } from "./mcp/mirror.ts";
import { askServer, connected, greeted, ping } from "./mcp/server.ts";
import { checkSuccess, shapeResult } from "./mcp/tool-result.ts";
import {
  checkArguments,
  checkPromise,
  findTool,
  isRepeatable,
  listTools,
  type McpTool,
} from "./mcp/tools.ts";
import type { Call, Context, Description, Provider, Reach, Reply } from "./provider.ts";

export const MCP_SERVER: Provider = {
  kind: "mcp",
  execute: async (call, context) => ({ result: await answer(call, context) }),
  health: (reach) => healthBy(async () => textIn((await greeted(reach)).server, "version") ?? ""),
  describe,
};

async function answer({ method, params }: Call, context: Context): Promise<Reply["result"]> {
  // The hub's business: which server it is has been decided.
  const { server: _, ...given } = params;
  switch (method) {
    case "mcp/tools/list":
      return list(context, "tools", given);
    case "mcp/resources/list":
      return list(context, "resources", given);
    case "mcp/prompts/list":
      return list(context, "prompts", given);
    case "mcp/tools/call":
      return callTool(context, String(given["name"]), objectIn(given, "arguments") ?? {});
    case "mcp/resources/read":
      return askServer(quiet(context), { method: "resources/read", params: { uri: given["uri"] ?? "" } });
    case "mcp/prompts/get":
      return askServer(quiet(context), { method: "prompts/get", params: promptParams(given) });
    case "mcp/ping":
      await ping(context);
      return {};
    case "mcp/server_info":
      return serverInfo(context);
    default:
      return callNamedTool(context, method, given);
  }
}

async function callNamedTool(context: Context, method: string, given: JsonObject): Promise<JsonObject> {
  const name = toolOf(method);
  if (name === undefined) throw new ProviderError("unknown_method", `"${method}": MCP has no such method`);
  return shapeResult(context, await callTool(context, name, objectIn(given, "arguments") ?? given));
}

/** As MCP gives it. Until the call itself is made, nothing has been done that could not be done again. */
async function callTool(context: Context, name: string, given: JsonObject): Promise<JsonObject> {
  const tool = await repeatably(true, () => findTool(quiet(context), name));
  if (tool !== undefined) checkArguments(context, tool, given);
  const isHarmless = tool !== undefined && isRepeatable(tool);
  const said = await repeatably(isHarmless, () => askServer(context, question(context, name, given, tool)));
  checkSuccess(context, name, said);
  if (tool !== undefined) checkPromise(context, tool, said);
  return said;
}

function question(context: Context, name: string, given: JsonObject, tool: McpTool | undefined) {
  return {
    method: "tools/call",
    params: { name, arguments: given },
    // The same for a try that is made again because its attempt was lost.
    meta: { "gleitzeit/idempotencyKey": context.idempotencyKey },
    mirrored: tool === undefined ? {} : mirrorArguments(tool.inputSchema, given),
  };
}

async function repeatably<T>(isHarmless: boolean, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    throw isHarmless ? repeatable(thrown) : thrown;
  }
}

function list(context: Context, key: Listed, { cursor }: JsonObject): Promise<JsonObject> {
  const reach = quiet(context);
  return typeof cursor === "string" ? listPage(reach, key, cursor) : listAll(reach, key);
}

/** Arguments of prompts are texts, by the specification; what references filled in may be anything. */
function promptParams(given: JsonObject): JsonObject {
  const all = Object.entries(objectIn(given, "arguments") ?? {});
  const texts = all.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]);
  return { name: given["name"] ?? "", arguments: Object.fromEntries(texts) };
}

async function serverInfo(reach: Reach): Promise<JsonObject> {
  const { server, revision, capabilities, instructions } = await connected(reach);
  return {
    name: reach.instance.id,
    version: "",
    ...server,
    protocolVersion: revision,
    capabilities,
    ...(instructions === undefined ? {} : { instructions }),
  };
}

async function describe(reach: Reach): Promise<Description> {
  const { server } = await connected(reach);
  const { tools } = await listTools(reach);
  const name = textIn(server, "name");
  const version = textIn(server, "version");
  return {
    tools: tools.map(({ name, description, inputSchema }) => ({
      name,
      description: description ?? "",
      inputSchema,
    })),
    ...(name === undefined ? {} : { server: name }),
    ...(version === undefined ? {} : { version }),
  };
}

/** Progress is asked for with a tool's call alone. */
function quiet({ signal, fetch, instance }: Context): Reach {
  return { signal, fetch, instance };
}

function objectIn(value: JsonObject, key: string): JsonObject | undefined {
  const found: Json | undefined = value[key];
  return isJsonObject(found) ? found : undefined;
}

function textIn(value: JsonObject, key: string): string | undefined {
  const found = value[key];
  return typeof found === "string" ? found : undefined;
}
