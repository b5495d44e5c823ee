/** Where an Ollama answers on this machine, and what it has. */
import * as z from "zod";

const PORTS = [11434, 11435, 11436, 11437, 11438];
const CANDIDATES = PORTS.map((port) => `http://127.0.0.1:${port}`);
/** One that runs answers in a millisecond; a start must not wait for one that does not. */
const ANSWER_MS = 300;
const LIST_MS = 2000;

const version = z.object({ version: z.string() });
const tags = z.object({ models: z.array(z.object({ name: z.string() })) });

/** The first of the addresses at which an Ollama answers. */
export async function findOllama(candidates: string[] = CANDIDATES): Promise<string | undefined> {
  const answers = await Promise.all(candidates.map((url) => ask(`${url}/api/version`, version, ANSWER_MS)));
  return candidates.find((_, index) => answers[index] !== undefined);
}

/** Its first model that talks; those that only embed are named so. */
export async function findModel(url: string): Promise<string | undefined> {
  const found = await ask(`${url}/api/tags`, tags, LIST_MS);
  return found?.models.map(({ name }) => name).find((name) => !name.includes("embed"));
}

async function ask<Answer>(
  url: string,
  shape: z.ZodType<Answer>,
  timeoutMs: number,
): Promise<Answer | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    return shape.safeParse(await response.json()).data;
  } catch {
    return undefined; // nobody there, or something else
  }
}
