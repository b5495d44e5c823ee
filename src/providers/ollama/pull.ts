/** Pulling a model that an instance lacks: minutes, or an hour; Ollama says how far it is, line by line. */
import * as z from "zod";
import { ask } from "../ask.ts";
import { junkAnswer, nameOf, ProviderError, quote } from "../failure.ts";
import type { Context, Progress } from "../provider.ts";
import { readLines, readPieces } from "../read.ts";
import { accepted } from "../refusal.ts";
import { ADVICE } from "./models.ts";

const line = z.object({
  status: z.string().default(""),
  error: z.string().optional(),
  digest: z.string().optional(),
  total: z.number().optional(),
  completed: z.number().optional(),
});
type Line = z.infer<typeof line>;

// A line of some 200 bytes every 60 ms or so, for hours.
const PULL_BYTES = 64 * 1024 * 1024;
const LINE_CHARS = 64 * 1024;

/** Resolves when the instance has the model. Others that ask for it meanwhile share the one download. */
export async function pullModel(context: Context, model: string): Promise<void> {
  const body = { model, stream: true };
  const response = await ask(context, { path: "/api/pull", body, advice: ADVICE });
  const pieces = readPieces(context, await accepted(context, response, ADVICE), PULL_BYTES);
  const told = progressOf(model);
  for await (const written of readLines(context, pieces, LINE_CHARS)) {
    const said = parseLine(context, written);
    if (said.error !== undefined) throw pullFailed(context, model, said.error);
    const progress = told(said);
    if (progress !== undefined) context.report(progress);
    if (said.status === "success") return;
  }
  const message = `${nameOf(context)}: its pull of "${model}" broke off; see Ollama's log`;
  throw new ProviderError("stream_broken", message);
}

/** Bytes of all layers seen so far; told when the status is another, or a hundredth more is there. */
function progressOf(model: string): (said: Line) => Progress | undefined {
  const layers = new Map<string, { total: number; completed: number }>();
  let last = "";
  return ({ status, digest, total = 0, completed = 0 }) => {
    if (digest !== undefined) layers.set(digest, { total, completed });
    const sums = { progress: 0, total: 0 };
    for (const layer of layers.values()) {
      sums.progress += layer.completed;
      sums.total += layer.total;
    }
    const share = sums.total === 0 ? 0 : Math.floor((100 * sums.progress) / sums.total);
    const next = `${status} ${share}`;
    if (next === last) return undefined;
    last = next;
    return { ...sums, message: `pulling ${model}: ${status}` };
  };
}

function parseLine(context: Context, written: string): Line {
  try {
    return line.parse(JSON.parse(written));
  } catch {
    throw junkAnswer(context, "a line of Ollama's JSON", written);
  }
}

/** That the library has no such model will not change; that it is out of reach may. */
function pullFailed(context: Context, model: string, error: string): ProviderError {
  const message = `${nameOf(context)} cannot pull the model "${model}": ${quote(context, error)}`;
  const isUnknown = /file does not exist|not found|invalid model name/i.test(error);
  return new ProviderError(isUnknown ? "model_not_found" : "provider_unavailable", message, {
    details: { model },
  });
}
