/** Ollama at one URL: conversations, completions, images, vectors. */
import type { JsonObject } from "../contract/json.ts";
import { ask } from "./ask.ts";
import { ProviderError } from "./failure.ts";
import { healthBy } from "./health.ts";
import { readEmbeddings, replyOf } from "./ollama/answer.ts";
import { checkFormat } from "./ollama/format.ts";
import { firstModel, listHolders, modelNotFound } from "./ollama/holders.ts";
import { ADVICE, askVersion, describeModels } from "./ollama/models.ts";
import { pullModel } from "./ollama/pull.ts";
import { chatRequest, completeRequest, embedRequest } from "./ollama/request.ts";
import { readAnswer } from "./ollama/stream.ts";
import type { Call, Context, Provider, Reply } from "./provider.ts";
import { readErrorText } from "./read.ts";
import { refusalOf, sentenceIn } from "./refusal.ts";

export const OLLAMA: Provider = {
  kind: "ollama",
  execute,
  health: (reach) => healthBy(() => askVersion(reach)),
  describe: describeModels,
};

async function execute(call: Call, context: Context): Promise<Reply> {
  switch (call.method) {
    case "llm/chat":
    case "llm/vision":
      return chat(call.params, context);
    case "llm/complete":
      return complete(call.params, context);
    case "llm/embed":
      return embed(call.params, context);
    case "llm/list_models":
      return { result: await listHolders(context) };
    default:
      throw new ProviderError("unknown_method", `"${call.method}": Ollama has no such method`);
  }
}

async function chat(params: JsonObject, context: Context): Promise<Reply> {
  const model = await modelFor(params, context);
  const response = await askModel(context, "/api/chat", chatRequest(model, params));
  const answer = await readAnswer(context, response, 2);
  checkFormat(context, params["format"], answer);
  return replyOf(context, model, answer, {});
}

async function complete(params: JsonObject, context: Context): Promise<Reply> {
  const model = await modelFor(params, context);
  const response = await askModel(context, "/api/generate", completeRequest(model, params));
  const answer = await readAnswer(context, response, 3);
  checkFormat(context, params["format"], answer);
  return replyOf(context, model, answer, { text: answer.text });
}

async function embed(params: JsonObject, context: Context): Promise<Reply> {
  const model = await modelFor(params, context);
  const response = await askModel(context, "/api/embed", embedRequest(model, params));
  return readEmbeddings(context, response, model);
}

async function modelFor(params: JsonObject, context: Context): Promise<string> {
  const model = params["model"];
  return typeof model === "string" && model !== "" ? model : firstModel(context);
}

/** A model that is missing is pulled where the instance may do that, and asked once more. */
async function askModel(context: Context, path: string, body: JsonObject): Promise<Response> {
  const answer = await tryModel(context, path, body);
  if (answer !== undefined) return answer;
  const model = String(body["model"]);
  if (context.instance.allowPull !== true) throw await modelNotFound(context, model);
  await pullModel(context, model);
  const second = await tryModel(context, path, body);
  if (second !== undefined) return second;
  throw await modelNotFound(context, model);
}

/** Undefined: there is no such model. */
async function tryModel(context: Context, path: string, body: JsonObject): Promise<Response | undefined> {
  const response = await ask(context, { path, body, advice: ADVICE });
  if (response.ok) return response;
  const text = await readErrorText(context, response);
  const isModelMissing = response.status === 404 && /\bmodel\b.*\bnot found\b/.test(sentenceIn(text));
  if (isModelMissing) return undefined;
  throw refusalOf(context, response, ADVICE, text);
}
