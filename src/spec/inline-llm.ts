/** Files of llm tasks: images become base64, the text of `file_path` goes to the end of what the model is asked. */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import type { FileReader, Mention, Site } from "./file-reader.ts";
import { textUnder, without } from "./raw-task.ts";

export async function inlineLlm(
  verb: string,
  params: JsonObject,
  site: Site,
  reader: FileReader,
): Promise<JsonObject> {
  return inlineText(verb, await inlineImages(verb, params, site, reader), site, reader);
}

async function inlineImages(
  verb: string,
  params: JsonObject,
  site: Site,
  reader: FileReader,
): Promise<JsonObject> {
  const mentions = imageMentions(params, site);
  const images: string[] = [];
  for (const mention of mentions) {
    const image = await reader.base64(mention);
    if (image !== undefined) images.push(image);
  }
  if (mentions.length === 0) return params;
  const rest = without(params, "image_path", "image_paths");
  // A chat has its images in the message, the other methods beside it.
  if (verb !== "chat" || !Array.isArray(rest["messages"])) return withImages(rest, images);
  const change = (message: JsonObject) => withImages(message, images);
  return { ...rest, messages: changeLastUserMessage(rest["messages"], change) };
}

function imageMentions(params: JsonObject, site: Site): Mention[] {
  const mentions: Mention[] = [];
  const single = textUnder(params, "image_path");
  if (single !== undefined) mentions.push({ path: single, task: site.task, at: site.at("image_path") });
  const listed = params["image_paths"];
  const paths = Array.isArray(listed) ? listed : [listed];
  for (const [index, path] of paths.entries()) {
    const at = site.at("image_paths", Array.isArray(listed) ? index : undefined);
    // Something else than a path stays where it is, with all the others, for the checker to refuse.
    if (path !== undefined && typeof path !== "string") return [];
    if (path !== undefined) mentions.push({ path, task: site.task, at });
  }
  return mentions;
}

function withImages(value: JsonObject, images: string[]): JsonObject {
  const before = value["images"] ?? [];
  return { ...value, images: [...(Array.isArray(before) ? before : [before]), ...images] };
}

async function inlineText(
  verb: string,
  params: JsonObject,
  site: Site,
  reader: FileReader,
): Promise<JsonObject> {
  const path = textUnder(params, "file_path");
  // Messages that are a reference have no end yet; the checker says so of a path that stays.
  if (path === undefined || typeof params["messages"] === "string") return params;
  const text = await reader.text({ path, task: site.task, at: site.at("file_path") });
  if (text === undefined) return params;
  const rest = without(params, "file_path");
  if (verb.startsWith("embed")) return { ...rest, ...embedded(rest, text) };
  const addition = `File content from ${path}:\n${text}`;
  const messages = rest["messages"];
  if (!Array.isArray(messages)) return { ...rest, prompt: joined(rest["prompt"], addition) };
  const change = (message: JsonObject) => ({ ...message, content: joined(message["content"], addition) });
  return { ...rest, messages: changeLastUserMessage(messages, change) };
}

/** Vectors are wanted of the text alone, without a line about the file. */
function embedded(params: JsonObject, text: string): JsonObject {
  const key = params["text"] === undefined ? "input" : "text";
  const before = params[key];
  return { [key]: Array.isArray(before) ? [...before, text] : joined(before, text) };
}

/** What is not text reaches the model as JSON, also without a file. */
function joined(before: Json | undefined, addition: string): string {
  if (before === undefined || before === null || before === "") return addition;
  return `${typeof before === "string" ? before : JSON.stringify(before)}\n\n${addition}`;
}

/** Where there is no message of the user's yet, one is added. */
function changeLastUserMessage(messages: Json[], change: (message: JsonObject) => JsonObject): Json[] {
  const last = messages.findLastIndex((message) => isJsonObject(message) && message["role"] === "user");
  if (last === -1) return [...messages, change({ role: "user" })];
  return messages.map((message, index) =>
    index === last && isJsonObject(message) ? change(message) : message,
  );
}
