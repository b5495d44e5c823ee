/** Ollama's streamed answer: NDJSON, a piece of text in each line, the counts in the last. */
import * as z from "zod";
import { encodeJson, type JsonObject, jsonObject } from "../../contract/json.ts";
import { LIMITS } from "../../contract/limits.ts";
import { junkAnswer, nameOf, ProviderError, quote, tooLarge } from "../failure.ts";
import type { Context } from "../provider.ts";
import { readLines, readPieces } from "../read.ts";

const text = z.string().nullish();
const toolCalls = z.array(jsonObject).nullish();
const count = z.int().min(0).optional();

/** A line of /api/chat (`message`) or /api/generate (`response`, `thinking`). */
const line = z.object({
  error: z.string().optional(),
  model: z.string().optional(),
  message: z
    .object({ role: z.string().optional(), content: text, thinking: text, tool_calls: toolCalls })
    .optional(),
  response: text,
  thinking: text,
  done: z.boolean().default(false),
  done_reason: z.string().optional(),
  total_duration: z.number().optional(),
  prompt_eval_count: count,
  eval_count: count,
});
type Line = z.infer<typeof line>;

/** What the lines say together; `last` is the one that said `done`. */
export type Answer = { role: string; text: string; thinking: string; toolCalls: JsonObject[]; last: Line };

// A token of 4 bytes comes in a line of some 120.
const BYTES_PER_RESULT_BYTE = 64;

/** `copies`: how often the result will hold the text. Each token is emitted as it comes. */
export async function readAnswer(context: Context, response: Response, copies: number): Promise<Answer> {
  const pieces = readPieces(context, response, LIMITS.resultBytes * BYTES_PER_RESULT_BYTE);
  const answer: Omit<Answer, "last"> = { role: "assistant", text: "", thinking: "", toolCalls: [] };
  let bytes = 0;
  for await (const written of readLines(context, pieces, LIMITS.resultBytes)) {
    const next = parseLine(context, written);
    if (next.error !== undefined) throw toldFailure(context, next.error, bytes > 0);
    bytes += add(answer, next, copies);
    if (bytes > LIMITS.resultBytes) throw tooLarge(context, LIMITS.resultBytes);
    const token = textOf(next);
    if (token !== "") context.emit(token);
    if (next.done) return { ...answer, last: next };
  }
  throw new ProviderError(
    "stream_broken",
    `${nameOf(context)}: its answer ended before it was done; see Ollama's log`,
  );
}

/** Adds a line to the answer; how many bytes of the result it makes, as JSON. */
function add(answer: Omit<Answer, "last">, next: Line, copies: number): number {
  const { role, tool_calls: calls, thinking = next.thinking } = next.message ?? {};
  if (role !== undefined) answer.role = role;
  answer.text += textOf(next);
  answer.thinking += thinking ?? "";
  answer.toolCalls.push(...(calls ?? []));
  const textBytes = encodeJson(textOf(next)).length - 2;
  return textBytes * copies + encodeJson(thinking ?? "").length - 2 + encodeJson(calls ?? []).length - 2;
}

const textOf = (next: Line): string => next.message?.content ?? next.response ?? "";

function parseLine(context: Context, written: string): Line {
  try {
    return line.parse(JSON.parse(written));
  } catch {
    throw junkAnswer(context, "a line of Ollama's JSON", written);
  }
}

/** An error in the stream: the status was sent long ago, so it says nothing about what kind it is. */
function toldFailure(context: Context, error: string, hasBegun: boolean): ProviderError {
  const when = hasBegun ? "broke off" : "failed";
  const message = `${nameOf(context)} ${when}: ${quote(context, error)}`;
  return new ProviderError(hasBegun ? "stream_broken" : "provider_unavailable", message);
}
