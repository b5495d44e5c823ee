/** From a call's params to what Ollama's API takes (github.com/ollama/ollama, docs/api.md). */
import { isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";

/** Always streamed: Ollama sends headers with the first token, so a whole answer would hold a place for minutes. */
export function chatRequest(model: string, params: JsonObject): JsonObject {
  const messages = withImages(messagesIn(params), strings(params["images"]));
  return { model, messages, stream: true, ...common(params) };
}

export function completeRequest(model: string, params: JsonObject): JsonObject {
  const images = strings(params["images"]).map(bareBase64);
  return {
    model,
    prompt: asText(params["prompt"]),
    ...("system" in params ? { system: asText(params["system"]) } : {}),
    ...(images.length > 0 ? { images } : {}),
    ...pick(params, ["suffix", "raw"]),
    stream: true,
    ...common(params),
  };
}

export function embedRequest(model: string, params: JsonObject): JsonObject {
  const input = params["input"] ?? params["text"] ?? "";
  return { model, input, ...pick(params, ["truncate", "dimensions", "keep_alive", "options"]) };
}

/** Our names of model options, and Ollama's. What stands in `options` itself wins. */
const OPTIONS = {
  temperature: "temperature",
  top_p: "top_p",
  top_k: "top_k",
  seed: "seed",
  stop: "stop",
  num_ctx: "num_ctx",
  max_tokens: "num_predict",
};

function common(params: JsonObject): JsonObject {
  const request = pick(params, ["tools", "think", "keep_alive"]);
  const options = optionsIn(params);
  if (Object.keys(options).length > 0) request["options"] = options;
  const format = params["format"];
  if (format !== undefined && format !== "") request["format"] = format;
  return request;
}

function optionsIn(params: JsonObject): JsonObject {
  const options: JsonObject = {};
  for (const [name, ollamaName] of Object.entries(OPTIONS)) {
    const value = params[name];
    if (value !== undefined) options[ollamaName] = value;
  }
  const given = params["options"];
  if (isJsonObject(given)) Object.assign(options, given);
  // Ollama takes a list only.
  if (typeof options["stop"] === "string") options["stop"] = [options["stop"]];
  return options;
}

/** `prompt` and `system` stand for messages; beside messages they are the last and the first of them. */
function messagesIn(params: JsonObject): JsonObject[] {
  const given = Array.isArray(params["messages"]) ? params["messages"].filter(isJsonObject) : [];
  const messages = given.map(messageOf);
  if ("system" in params) messages.unshift({ role: "system", content: asText(params["system"]) });
  if ("prompt" in params) messages.push({ role: "user", content: asText(params["prompt"]) });
  return messages;
}

function messageOf(message: JsonObject): JsonObject {
  const made: JsonObject = { ...message, content: asText(message["content"]) };
  if ("images" in message) made["images"] = strings(message["images"]).map(bareBase64);
  return made;
}

/** Images that stand beside the messages belong to the user's last one. */
function withImages(messages: JsonObject[], images: string[]): JsonObject[] {
  if (images.length === 0) return messages;
  const last = messages.findLast((message) => message["role"] === "user") ?? { role: "user", content: "" };
  if (!messages.includes(last)) messages.push(last);
  last["images"] = [...strings(last["images"]), ...images.map(bareBase64)];
  return messages;
}

/** Ollama takes base64 alone; web pages and other APIs say `data:image/png;base64,…`. */
function bareBase64(image: string): string {
  return image.startsWith("data:") ? image.slice(image.indexOf(",") + 1) : image;
}

/** What a reference left that is not text reaches the model as JSON, as it would within a longer text. */
function asText(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function strings(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

function pick(params: JsonObject, keys: string[]): JsonObject {
  const picked: JsonObject = {};
  for (const key of keys) {
    const value = params[key];
    if (value !== undefined) picked[key] = value;
  }
  return picked;
}
