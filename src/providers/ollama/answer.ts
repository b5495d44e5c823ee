/** From what Ollama said to a method's result. */
import * as z from "zod";
import type { Usage } from "../../contract/event.ts";
import type { JsonObject } from "../../contract/json.ts";
import type { Context, Reply } from "../provider.ts";
import { readJson } from "../read.ts";
import type { Answer } from "./stream.ts";

/** `more` stands beside what all generating methods give. */
export function replyOf(context: Context, model: string, answer: Answer, more: JsonObject): Reply {
  const { role, text, thinking, toolCalls, last } = answer;
  const result: JsonObject = {
    response: text,
    content: text,
    ...more,
    role,
    model: last.model ?? model,
    done: true,
    instance_id: context.instance.id,
  };
  if (last.done_reason !== undefined) result["done_reason"] = last.done_reason;
  if (toolCalls.length > 0) result["tool_calls"] = toolCalls;
  if (thinking !== "") result["thinking"] = thinking;
  if (last.total_duration !== undefined) result["total_duration"] = last.total_duration;
  return counted(result, last);
}

const counts = z.object({
  prompt_eval_count: z.int().min(0).optional(),
  eval_count: z.int().min(0).optional(),
});
const vectors = counts.extend({ embeddings: z.array(z.array(z.number())), model: z.string().optional() });

export async function readEmbeddings(context: Context, response: Response, model: string): Promise<Reply> {
  const said = await readJson(context, response, vectors, "Ollama's embeddings");
  const result = {
    embeddings: said.embeddings,
    embedding: said.embeddings[0] ?? [],
    model: said.model ?? model,
    instance_id: context.instance.id,
  };
  return counted(result, said);
}

/** A prompt that Ollama still had in its cache is not counted by it: then its part is 0. */
function counted(result: JsonObject, said: z.infer<typeof counts>): Reply {
  if (said.prompt_eval_count === undefined && said.eval_count === undefined) return { result };
  const promptTokens = said.prompt_eval_count ?? 0;
  const completionTokens = said.eval_count ?? 0;
  const usage: Usage = { promptTokens, completionTokens, totalTokens: promptTokens + completionTokens };
  const shown = {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: usage.totalTokens,
  };
  return { result: { ...result, usage: shown, tokens_used: usage.totalTokens }, usage };
}
