/** The models of an Ollama instance, by their full names. */
import * as z from "zod";
import { ask } from "../ask.ts";
import type { Advice } from "../failure.ts";
import type { Description, Reach } from "../provider.ts";
import { readJson } from "../read.ts";
import { accepted } from "../refusal.ts";
import { fullModelName } from "./model-name.ts";

export const ADVICE: Advice = {
  start: "start it with: ollama serve",
  credentials: "give the instance the headers that what stands before Ollama asks for",
};

const models = z.object({ models: z.array(z.object({ name: z.string() })).nullable() });
const version = z.object({ version: z.string() });

/** In Ollama's order: the one changed last comes first. */
export const listModels = (reach: Reach): Promise<string[]> =>
  namesAt(reach, "/api/tags", "Ollama's list of models");

/** One question after the other: an executor has few connections. */
export async function describeModels(reach: Reach): Promise<Description> {
  const description = { models: await listModels(reach), version: await askVersion(reach) };
  try {
    return { ...description, loaded: await namesAt(reach, "/api/ps", "Ollama's list of running models") };
  } catch {
    // An Ollama before 0.1.38 does not tell, nor does what only resembles one.
    reach.signal.throwIfAborted();
    return description;
  }
}

export async function askVersion(reach: Reach): Promise<string> {
  return (await askFor(reach, "/api/version", version, "Ollama's version")).version;
}

async function namesAt(reach: Reach, path: string, expected: string): Promise<string[]> {
  const said = await askFor(reach, path, models, expected);
  return (said.models ?? []).map(({ name }) => fullModelName(name));
}

async function askFor<T>(reach: Reach, path: string, shape: z.ZodType<T>, expected: string): Promise<T> {
  const response = await accepted(reach, await ask(reach, { path, advice: ADVICE }), ADVICE);
  return readJson(reach, response, shape, expected);
}
