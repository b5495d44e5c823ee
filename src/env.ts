/** Bindings of the Worker, and its settings, parsed once for each isolate. */
import * as z from "zod";
import type { Invitation } from "./contract/sync.ts";

/** A run whose history is not up to date. */
export type HistoryMessage = { runId: string };

export type Env = {
  RUNS: DurableObjectNamespace;
  EXECUTORS: DurableObjectNamespace;
  HUBS: DurableObjectNamespace;
  TASKS: Queue<Invitation>;
  HISTORY: Queue<HistoryMessage>;
  DB: D1Database;
  GLEITZEIT_LOCAL?: string;
  GLEITZEIT_OLLAMA_URLS?: string;
  GLEITZEIT_PYTHON_URLS?: string;
  /** The first key: set, every request must carry it; unset, only this machine is served. */
  GLEITZEIT_ROOT_KEY?: string;
  /** The Python runner's shared secret. */
  GLEITZEIT_RUNNER_SECRET?: string;
};

const urls = (fallback: string[]) =>
  z
    .string()
    .optional()
    .transform((text) => text?.split(",").map((url) => url.trim()))
    .transform((list) =>
      list === undefined || list.length === 0 ? fallback : list.filter((url) => url !== ""),
    );

/** An empty variable is one that is not set. */
const text = z
  .string()
  .optional()
  .transform((value) => value || undefined);

const settings = z.object({
  GLEITZEIT_LOCAL: z
    .string()
    .optional()
    .transform((text) => text === "1"),
  GLEITZEIT_OLLAMA_URLS: urls([]),
  GLEITZEIT_PYTHON_URLS: urls([]),
  GLEITZEIT_ROOT_KEY: text,
  GLEITZEIT_RUNNER_SECRET: text,
});

export type Settings = {
  isLocal: boolean;
  ollamaUrls: string[];
  pythonUrls: string[];
  rootKey: string | undefined;
  runnerSecret: string | undefined;
};

const parsed = new WeakMap<object, Settings>();

/** The settings in `env`; what is malformed is an error that names the variable. */
export function settingsOf(env: object): Settings {
  const known = parsed.get(env);
  if (known !== undefined) return known;
  const found = settings.parse(env);
  const made: Settings = {
    isLocal: found.GLEITZEIT_LOCAL,
    ollamaUrls: found.GLEITZEIT_OLLAMA_URLS,
    pythonUrls: found.GLEITZEIT_PYTHON_URLS,
    rootKey: found.GLEITZEIT_ROOT_KEY,
    runnerSecret: found.GLEITZEIT_RUNNER_SECRET,
  };
  parsed.set(env, made);
  return made;
}
