/** What a tool gave back, in the form that workflows refer to. */
import { encodeJson, isJsonObject, type Json, type JsonObject } from "../../contract/json.ts";
import { LIMITS } from "../../contract/limits.ts";
import { nameOf, ProviderError, quote, tooLarge } from "../failure.ts";
import type { Reach } from "../provider.ts";

/**
 * `response` is the text of the answer; `result` what it says, structured where the tool has that. The fields of a
 * structured answer stand beside them, so that `${task.temperature}` works.
 */
export function shapeResult(reach: Reach, said: JsonObject): JsonObject {
  const content = contentOf(said);
  const response = textOf(content);
  const { structuredContent: structured } = said;
  const result = structured ?? parsedText(content, response);
  const shaped: JsonObject = { ...(isJsonObject(structured) ? structured : {}), response, result, content };
  // The text may be in it three times.
  if (encodeJson(shaped).length > LIMITS.resultBytes) throw tooLarge(reach, LIMITS.resultBytes);
  return shaped;
}

/** A tool that failed says so in its result. */
export function checkSuccess(reach: Reach, name: string, said: JsonObject): void {
  if (said["isError"] !== true) return;
  const text = quote(reach, textOf(contentOf(said))) || "it does not say why";
  throw new ProviderError("tool_failed", `tool "${name}" of ${nameOf(reach)} failed: ${text}`);
}

function contentOf({ content }: JsonObject): JsonObject[] {
  return Array.isArray(content) ? content.filter(isJsonObject) : [];
}

function textsIn(content: JsonObject[]): string[] {
  return content.flatMap(({ type, text }) => (type === "text" && typeof text === "string" ? [text] : []));
}

const textOf = (content: JsonObject[]): string => textsIn(content).join("\n");

/** Many tools write JSON as their only text. */
function parsedText(content: JsonObject[], text: string): Json {
  if (textsIn(content).length !== 1) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
