/** Python by a runner (src/runner), which speaks JSON-RPC and runs each script in a process of its own. */
import * as z from "zod";
import type { Json, JsonObject } from "../contract/json.ts";
import { ask } from "./ask.ts";
import { type Advice, junkAnswer, ProviderError } from "./failure.ts";
import { healthBy } from "./health.ts";
import { callJsonRpc } from "./json-rpc.ts";
import type { Call, Context, Description, Provider, Reach, Reply } from "./provider.ts";
import { readJson } from "./read.ts";
import { accepted } from "./refusal.ts";

const ADVICE: Advice = {
  start: "start it with: npm run gleitzeit -- runner",
  credentials: "set GLEITZEIT_RUNNER_SECRET to the secret the runner was started with",
};

export const PYTHON: Provider = {
  kind: "python",
  execute,
  health: (reach) => healthBy(async () => (await askState(reach)).python),
  describe,
};

const report = z.object({
  // JSON, since JSON.parse made it.
  result: z.custom<Json>((value) => value !== undefined),
  output: z.string(),
  error: z.string().nullable().default(null),
  execution_time: z.number().default(0),
  success: z.boolean(),
});
type Report = z.infer<typeof report>;

async function execute({ method, params }: Call, context: Context): Promise<Reply> {
  const said = await callJsonRpc(context, method, params, ADVICE);
  const parsed = report.safeParse(said);
  if (!parsed.success) throw junkAnswer(context, "a script's report", JSON.stringify(said));
  if (!parsed.data.success) throw scriptFailed(parsed.data);
  return { result: parsed.data };
}

// The ends: a traceback says what went wrong last, and so does a log.
const SHOWN_CHARS = 4000;

function scriptFailed({ error, output, execution_time }: Report): ProviderError {
  const traceback = (error ?? "the script failed and does not say why").trim();
  const message = traceback.slice(traceback.lastIndexOf("\n") + 1) + placeIn(traceback);
  const details: JsonObject = {
    traceback: traceback.slice(-SHOWN_CHARS),
    output: output.slice(-SHOWN_CHARS),
    execution_time,
  };
  return new ProviderError("script_failed", message, { details });
}

/** Where it happened: the innermost line that the traceback names. */
function placeIn(traceback: string): string {
  const place = [...traceback.matchAll(/^ *File "(.+)", line (\d+)/gm)].at(-1);
  return place === undefined ? "" : ` (${place[1]}, line ${place[2]})`;
}

async function describe(reach: Reach): Promise<Description> {
  const { python, maxConcurrent } = await askState(reach);
  return { version: python, ...(maxConcurrent === undefined ? {} : { maxConcurrent }) };
}

const state = z.object({
  status: z.literal("ok"),
  python: z.string(),
  maxConcurrent: z.int().min(1).optional(),
});

async function askState(reach: Reach): Promise<z.infer<typeof state>> {
  // The runner takes calls at `/` and `/rpc`; its health is beside them.
  const instance = { ...reach.instance, url: reach.instance.url.replace(/\/rpc\/?$/, "") };
  const response = await ask({ ...reach, instance }, { path: "/health", advice: ADVICE });
  return await readJson(reach, await accepted(reach, response, ADVICE), state, "a Python runner's health");
}
