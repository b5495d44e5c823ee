/** Structured answers: whether the text is what `format` asks for. Models stop in the middle, or ignore it. */
import { isJsonObject, type Json } from "../../contract/json.ts";
import { checkAgainstSchema } from "../../spec/schema.ts";
import { explainSchema } from "../../spec/schema-usable.ts";
import { nameOf, ProviderError, quote } from "../failure.ts";
import type { Context } from "../provider.ts";
import type { Answer } from "./stream.ts";

/** `format` is `json` or a JSON Schema. */
export function checkFormat(context: Context, format: Json | undefined, answer: Answer): void {
  // A model that calls a tool says nothing yet.
  if (format === undefined || format === "" || answer.toolCalls.length > 0) return;
  const value = parse(answer.text);
  if (value === undefined) throw notAsAsked(context, answer, "it is not JSON");
  // One that we cannot use, or that may match without end, is the model's host's to keep to.
  if (!isJsonObject(format) || explainSchema(format, "format") !== undefined) return;
  const [violation] = checkAgainstSchema(format, value, { name: "answer" });
  if (violation !== undefined) throw notAsAsked(context, answer, violation.message);
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notAsAsked(context: Context, { text, last }: Answer, problem: string): ProviderError {
  const advice =
    last.done_reason === "length" ? "it was cut: raise max_tokens" : "say the format in the prompt too";
  const message = `${nameOf(context)}: the answer breaks the call's format, ${problem}; ${advice}: ${quote(context, text)}`;
  return new ProviderError("invalid_result", message);
}
