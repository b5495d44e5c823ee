/**
 * `mcp/v1`: tools, resources and prompts of MCP servers. `mcp/tool.*` stands for the tools that are only known
 * when a server is asked; those that are always there have entries of their own.
 */
import type { JsonObject } from "../../contract/json.ts";
import type { Protocol, ProtocolMethod } from "../../contract/protocol.ts";

const text: JsonObject = { type: "string" };
const number: JsonObject = { type: "number" };
const objects: JsonObject = { type: "array", items: { type: "object" } };
const server: JsonObject = { type: "string", minLength: 1 };
const anyArguments: JsonObject = { type: "object" };

/** Arguments as the tool takes them; they may stand bare among the params or under `arguments`. */
export const BUILTIN_ARGUMENTS: Record<string, JsonObject> = {
  echo: { type: "object", required: ["message"], properties: { message: {} } },
  add: { type: "object", required: ["a", "b"], properties: { a: number, b: number } },
  multiply: { type: "object", required: ["a", "b"], properties: { a: number, b: number } },
  concat: {
    type: "object",
    required: ["strings"],
    properties: { strings: { type: "array" }, separator: text },
  },
};

const calculation = fields({ response: text, result: number, calculation: text });

export const MCP: Protocol = {
  name: "mcp/v1",
  version: "1",
  description: "Tools, resources and prompts of MCP servers.",
  methods: {
    "mcp/tool.echo": builtinTool(
      "echo",
      "The message again.",
      fields({ response: text, echoed: { const: true }, length: { type: "integer" } }),
    ),
    "mcp/tool.add": builtinTool("add", "The sum of two numbers.", calculation),
    "mcp/tool.multiply": builtinTool("multiply", "The product of two numbers.", calculation),
    "mcp/tool.concat": builtinTool(
      "concat",
      "Texts joined by a separator.",
      fields({ response: text, result: text, joined: { const: true }, count: { type: "integer" } }),
    ),
    "mcp/tool.*": {
      // Whether it may be called twice, each tool says itself.
      description: "Any tool of any server.",
      params: { type: "object", properties: { arguments: anyArguments, server } },
      result: fields({ response: text, result: {}, content: objects }),
    },
    "mcp/tools/list": listing("The tools there are.", "tools"),
    "mcp/tools/call": {
      description: "A tool by its name.",
      params: {
        type: "object",
        required: ["name"],
        properties: { name: { type: "string", minLength: 1 }, arguments: anyArguments, server },
      },
      result: fields({ content: objects }),
    },
    "mcp/resources/list": listing("The resources there are.", "resources"),
    "mcp/resources/read": {
      description: "A resource by its address.",
      params: { type: "object", required: ["uri"], properties: { uri: text, server } },
      result: fields({ contents: objects }),
      idempotent: true,
    },
    "mcp/prompts/list": listing("The prompts there are.", "prompts"),
    "mcp/prompts/get": {
      description: "A prompt by its name.",
      params: {
        type: "object",
        required: ["name"],
        properties: { name: text, arguments: anyArguments, server },
      },
      result: fields({ messages: objects }),
      idempotent: true,
    },
    "mcp/ping": asking("Whether the server answers.", { type: "object" }),
    "mcp/server_info": asking("Who the server is.", fields({ name: text, version: text })),
  },
};

/** The method's schema is the tool's own twice over: bare, or under `arguments`. */
function builtinTool(name: string, description: string, result: JsonObject): ProtocolMethod {
  const schema = BUILTIN_ARGUMENTS[name] ?? anyArguments;
  const bare = Array.isArray(schema["required"]) ? schema["required"] : [];
  return {
    description,
    params: {
      type: "object",
      properties: { ...propertiesOf(schema), arguments: schema, server },
      anyOf: [{ required: bare }, { required: ["arguments"] }],
    },
    result,
    idempotent: true,
  };
}

function listing(description: string, key: string): ProtocolMethod {
  const params: JsonObject = { type: "object", properties: { cursor: text, server } };
  return { description, params, result: fields({ [key]: objects }), idempotent: true };
}

function asking(description: string, result: JsonObject): ProtocolMethod {
  return { description, params: { type: "object", properties: { server } }, result, idempotent: true };
}

function fields(properties: Record<string, JsonObject>): JsonObject {
  return { type: "object", required: Object.keys(properties), properties };
}

function propertiesOf(schema: JsonObject): JsonObject {
  const properties = schema["properties"];
  return typeof properties === "object" && !Array.isArray(properties) && properties !== null
    ? properties
    : {};
}
