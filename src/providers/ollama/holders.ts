/** Which instances have which models: for `llm/list_models`, and for whoever asks one that lacks his. */
import type { JsonObject } from "../../contract/json.ts";
import { nameOf, ProviderError } from "../failure.ts";
import type { Context, Sibling } from "../provider.ts";
import { fullModelName } from "./model-name.ts";
import { listModels } from "./models.ts";

type Holder = Pick<Sibling, "id" | "models">;

/** All instances as the hub knows them; where it knows none with a model, this one as it says itself. */
export async function listHolders(context: Context): Promise<JsonObject> {
  const known = await siblingsOf(context);
  const isKnown = known.some(({ models }) => models.length > 0);
  const holders = isKnown ? known : [{ id: context.instance.id, models: await listModels(context) }];
  const distribution = new Map<string, string[]>();
  for (const { id, models } of holders) {
    for (const model of models) distribution.set(model, [...(distribution.get(model) ?? []), id]);
  }
  return {
    models: [...distribution.keys()],
    model_distribution: Object.fromEntries(distribution),
    total_instances: Math.max(known.length, 1),
  };
}

/** The model for a call that names none. */
export async function firstModel(context: Context): Promise<string> {
  const [first] = await listModels(context);
  if (first !== undefined) return first;
  const others = sentenceOn(othersIn(context, await siblingsOf(context)));
  const message = `${nameOf(context)} has no model at all${others}. Pull one: ollama pull llama3.2`;
  throw new ProviderError("model_not_found", message);
}

/** Says who has which models, as far as that can be found out. */
export async function modelNotFound(context: Context, model: string): Promise<ProviderError> {
  const own = await listModels(context).catch(() => []);
  context.signal.throwIfAborted();
  const others = othersIn(context, await siblingsOf(context));
  const message =
    `${nameOf(context)} does not have the model "${model}"${own.length > 0 ? `; it has ${someOf(own)}` : ""}` +
    `${sentenceOn(others)}. Pull it: ollama pull ${model}`;
  const holder = others.find(({ models }) => models.includes(fullModelName(model)));
  const details: JsonObject = { status: 404, model, instances: shown(context, own, others) };
  // Instances do not have the same models; who knows one with this may go there.
  return new ProviderError("model_not_found", message, { details, mayRepeat: holder !== undefined });
}

const NAMED_MODELS = 20;
const NAMED_INSTANCES = 10;

function sentenceOn(others: Holder[]): string {
  const named = others
    .slice(0, NAMED_INSTANCES)
    .map(({ id, models }) => `; "${id}" has ${models.length > 0 ? someOf(models) : "none"}`);
  const rest = others.length - named.length;
  return `${named.join("")}${rest > 0 ? `; and ${rest} instances more` : ""}`;
}

function someOf(models: string[]): string {
  const rest = models.length - NAMED_MODELS;
  return `${models.slice(0, NAMED_MODELS).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

function shown({ instance }: Context, own: string[], others: Holder[]): JsonObject {
  const holders = [{ id: instance.id, models: own }, ...others].slice(0, NAMED_INSTANCES);
  return Object.fromEntries(holders.map(({ id, models }) => [id, models.slice(0, NAMED_MODELS)]));
}

const othersIn = ({ instance }: Context, siblings: Sibling[]): Sibling[] =>
  siblings.filter(({ id }) => id !== instance.id);

/** The hub may be away for a moment: then nothing is known of the others. */
async function siblingsOf(context: Context): Promise<Sibling[]> {
  const siblings = await context.siblings().catch(() => []);
  context.signal.throwIfAborted();
  return siblings;
}
