/** The models of an Ollama instance. A name without a tag means `latest`: `llama3.2` and `llama3.2:latest` are one. */
import * as z from "zod";
import { ask } from "../ask.ts";
import { type Advice, nameOf, ProviderError } from "../failure.ts";
import type { Reach } from "../provider.ts";
import { readJson } from "../read.ts";
import { accepted } from "../refusal.ts";

export const ADVICE: Advice = {
  start: "start it with: ollama serve",
  credentials: "give the instance the headers that what stands before Ollama asks for",
};

function fullModelName(name: string): string {
  const lastPart = name.slice(name.lastIndexOf("/") + 1);
  return lastPart.includes(":") ? name : `${name}:latest`;
}

const tags = z.object({ models: z.array(z.object({ name: z.string() })).nullable() });
const version = z.object({ version: z.string() });

/** Their full names, in Ollama's order: the one changed last comes first. */
export async function listModels(reach: Reach): Promise<string[]> {
  const { models } = await askFor(reach, "/api/tags", tags, "Ollama's list of models");
  return (models ?? []).map(({ name }) => fullModelName(name));
}

export async function askVersion(reach: Reach): Promise<string> {
  return (await askFor(reach, "/api/version", version, "Ollama's version")).version;
}

/** The model for a call that names none. */
export async function firstModel(reach: Reach): Promise<string> {
  const [first] = await listModels(reach);
  if (first !== undefined) return first;
  const message = `${nameOf(reach)} has no model at all; pull one: ollama pull llama3.2`;
  throw new ProviderError("model_not_found", message);
}

const NAMED_MODELS = 20;

/** Says which models there are, where that can be found out. */
export async function modelNotFound(reach: Reach, model: string): Promise<ProviderError> {
  const models = await listModels(reach).catch(() => []);
  reach.signal.throwIfAborted();
  const there = models.length === 0 ? "" : `; it has ${models.slice(0, NAMED_MODELS).join(", ")}`;
  const message = `${nameOf(reach)} does not have the model "${model}"${there}. Pull it: ollama pull ${model}`;
  return new ProviderError("model_not_found", message, { details: { status: 404, model } });
}

async function askFor<T>(reach: Reach, path: string, shape: z.ZodType<T>, expected: string): Promise<T> {
  const response = await accepted(reach, await ask(reach, { path, advice: ADVICE }), ADVICE);
  return readJson(reach, response, shape, expected);
}
