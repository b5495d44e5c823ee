/**
 * `llm/v1`: what a workflow may ask of a language model.
 * Values that references fill (`content`, `prompt`) may be any JSON: what is not text reaches the model as JSON.
 */
import type { JsonObject } from "../../contract/json.ts";
import type { Protocol, ProtocolMethod } from "../../contract/protocol.ts";

const text: JsonObject = { type: "string" };
const count: JsonObject = { type: "integer", minimum: 0 };
const strings: JsonObject = { type: "array", items: text };

const message: JsonObject = {
  type: "object",
  required: ["role"],
  properties: {
    role: { enum: ["system", "user", "assistant", "tool", "developer"] },
    content: {},
    images: strings,
    thinking: text,
    tool_calls: { type: "array", items: { type: "object" } },
    tool_name: text,
  },
};

/** What every generating method takes. */
const sampling: JsonObject = {
  model: { type: "string", minLength: 1 },
  temperature: { type: "number", minimum: 0, maximum: 2 },
  max_tokens: { type: "integer", minimum: 1 },
  top_p: { type: "number", minimum: 0, maximum: 1 },
  top_k: count,
  seed: { type: "integer" },
  stop: { anyOf: [text, strings] },
  num_ctx: { type: "integer", minimum: 1 },
  format: { anyOf: [{ enum: ["json", ""] }, { type: "object" }] },
  tools: { type: "array", items: { type: "object" } },
  think: { anyOf: [{ type: "boolean" }, { enum: ["low", "medium", "high"] }] },
  keep_alive: { type: ["string", "number"] },
  options: { type: "object" },
};

const conversation: JsonObject = {
  messages: { type: "array", minItems: 1, items: message },
  prompt: {},
  system: {},
};

const messagesOrPrompt = [{ required: ["messages"] }, { required: ["prompt"] }];
const model: JsonObject = { type: "string", minLength: 1 };

const usage: JsonObject = {
  type: "object",
  required: ["prompt_tokens", "completion_tokens", "total_tokens"],
  properties: { prompt_tokens: count, completion_tokens: count, total_tokens: count },
};

/** What every generating method gives. */
const answer: JsonObject = {
  response: text,
  content: text,
  role: text,
  model: text,
  done: { type: "boolean" },
  tool_calls: { type: "array", items: { type: "object" } },
  thinking: text,
  usage,
  tokens_used: count,
  total_duration: { type: "number" },
  instance_id: text,
};

const chatResult: JsonObject = {
  type: "object",
  required: ["response", "content", "role", "model", "done"],
  properties: answer,
};

const chat: ProtocolMethod = {
  description: "The next message of a conversation.",
  params: { type: "object", anyOf: messagesOrPrompt, properties: { ...sampling, ...conversation } },
  result: chatResult,
  idempotent: true,
};

const complete: ProtocolMethod = {
  description: "The text that follows a prompt.",
  params: {
    type: "object",
    required: ["prompt"],
    properties: {
      ...sampling,
      prompt: {},
      system: {},
      images: strings,
      suffix: text,
      raw: { type: "boolean" },
    },
  },
  result: {
    type: "object",
    required: ["response", "text", "content", "model", "done"],
    properties: { ...answer, text },
  },
  idempotent: true,
};

const vision: ProtocolMethod = {
  description: "The next message of a conversation about images (base64), which go to its last user message.",
  params: {
    type: "object",
    anyOf: messagesOrPrompt,
    properties: { ...sampling, ...conversation, images: strings },
  },
  result: chatResult,
  idempotent: true,
};

const embed: ProtocolMethod = {
  description: "Vectors for one text or several.",
  params: {
    type: "object",
    anyOf: [{ required: ["input"] }, { required: ["text"] }],
    properties: {
      model,
      input: { anyOf: [text, strings] },
      text: { anyOf: [text, strings] },
      truncate: { type: "boolean" },
      dimensions: { type: "integer", minimum: 1 },
      keep_alive: { type: ["string", "number"] },
      options: { type: "object" },
    },
  },
  result: {
    type: "object",
    required: ["embeddings", "embedding", "model"],
    properties: {
      embeddings: { type: "array", items: { type: "array", items: { type: "number" } } },
      embedding: { type: "array", items: { type: "number" } },
      model: text,
    },
  },
  idempotent: true,
};

const listModels: ProtocolMethod = {
  description: "The models that can be asked for, and the instances that have each.",
  params: { type: "object", properties: {} },
  result: {
    type: "object",
    required: ["models", "model_distribution", "total_instances"],
    properties: {
      models: strings,
      model_distribution: { type: "object", additionalProperties: strings },
      total_instances: count,
    },
  },
  idempotent: true,
};

export const LLM: Protocol = {
  name: "llm/v1",
  version: "1",
  description: "Language models: conversations, completions, images, vectors.",
  methods: {
    "llm/chat": chat,
    "llm/complete": complete,
    "llm/vision": vision,
    "llm/embed": embed,
    "llm/list_models": listModels,
  },
};
