/** Bindings of the Worker, and its settings, parsed once for each isolate. */
import * as z from "zod";
import { type AddressedKind, type Addresses, addressesIn } from "./addresses.ts";
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
  GLEITZEIT_MCP_URLS?: string;
  GLEITZEIT_PYTHON_URLS?: string;
  /** Where executors and hubs are placed; else near who first asks. */
  GLEITZEIT_LOCATION?: string;
  /** The first key: set, every request must carry it; unset, only this machine is served. */
  GLEITZEIT_ROOT_KEY?: string;
  /** The Python runner's shared secret. */
  GLEITZEIT_RUNNER_SECRET?: string;
  /** What secret headers of instances are encrypted with. */
  GLEITZEIT_SECRET_KEY?: string;
};

/** https://developers.cloudflare.com/durable-objects/reference/data-location/ */
const LOCATIONS = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"] as const;
export type Location = (typeof LOCATIONS)[number];

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
  GLEITZEIT_OLLAMA_URLS: z.string().optional(),
  GLEITZEIT_MCP_URLS: z.string().optional(),
  GLEITZEIT_PYTHON_URLS: z.string().optional(),
  GLEITZEIT_LOCATION: text,
  GLEITZEIT_ROOT_KEY: text,
  GLEITZEIT_RUNNER_SECRET: text,
  GLEITZEIT_SECRET_KEY: text,
});

export type Settings = {
  isLocal: boolean;
  /** Who is there by configuration, and whether discovery looks at the usual addresses. */
  addresses: Record<AddressedKind, Addresses>;
  location: Location | undefined;
  rootKey: string | undefined;
  runnerSecret: string | undefined;
  secretKey: string | undefined;
};

const parsed = new WeakMap<object, Settings>();

/** The settings in `env`; what is malformed is an error that names the variable. */
export function settingsOf(env: object): Settings {
  const known = parsed.get(env);
  if (known !== undefined) return known;
  const found = settings.parse(env);
  const made: Settings = {
    isLocal: found.GLEITZEIT_LOCAL,
    addresses: addressesIn(found),
    location: parseLocation(found.GLEITZEIT_LOCATION),
    rootKey: found.GLEITZEIT_ROOT_KEY,
    runnerSecret: found.GLEITZEIT_RUNNER_SECRET,
    secretKey: found.GLEITZEIT_SECRET_KEY,
  };
  parsed.set(env, made);
  return made;
}

function parseLocation(text: string | undefined): Location | undefined {
  const location = LOCATIONS.find((name) => name === text);
  if (text === undefined || location !== undefined) return location;
  throw new Error(`GLEITZEIT_LOCATION is "${text.slice(0, 20)}": use one of ${LOCATIONS.join(", ")}`);
}
