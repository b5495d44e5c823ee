/** The settings of the service: variables of the Worker, parsed once for each isolate. */
import * as z from "zod";
import { type AddressedKind, type Addresses, addressesIn } from "./addresses.ts";
import { HISTORY_BACKENDS, type HistoryBackend } from "./contract/api.ts";
import { CAPACITY } from "./contract/limits.ts";

/** https://developers.cloudflare.com/durable-objects/reference/data-location/ */
const LOCATIONS = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"] as const;
export type Location = (typeof LOCATIONS)[number];

type Range = { least: number; most: number; isWhole: boolean };

const DAY_MS = 86_400_000;
const DAYS: Range = { least: 0.0001, most: 3650, isWhole: false };
const DAYS_KEPT = { object: 7, history: 90 };
const EXECUTORS: Range = { least: 1, most: 1000, isWhole: true };

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
  GLEITZEIT_HISTORY: text,
  GLEITZEIT_OBJECT_DAYS: text,
  GLEITZEIT_HISTORY_DAYS: text,
  GLEITZEIT_EXECUTORS: text,
  GLEITZEIT_ROOT_KEY: text,
  GLEITZEIT_RUNNER_SECRET: text,
  GLEITZEIT_SECRET_KEY: text,
});

/** A variable of the environment. */
export type Variable = keyof z.input<typeof settings>;

export type Settings = {
  isLocal: boolean;
  /** Who is there by configuration, and whether discovery looks at the usual addresses. */
  addresses: Record<AddressedKind, Addresses>;
  /** Where executors and hubs are placed; else near who first asks. */
  location: Location | undefined;
  history: HistoryBackend;
  /** How long after its end a run is kept in its object, and in history. */
  retention: { objectMs: number; historyMs: number };
  /** How many there are. */
  executors: number;
  /** The first key: set, every request must carry it; unset, only this machine is served. */
  rootKey: string | undefined;
  /** The Python runner's shared secret. */
  runnerSecret: string | undefined;
  /** What secret headers of instances are encrypted with. */
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
    location: parseOneOf("GLEITZEIT_LOCATION", LOCATIONS, found.GLEITZEIT_LOCATION),
    history: parseOneOf("GLEITZEIT_HISTORY", HISTORY_BACKENDS, found.GLEITZEIT_HISTORY) ?? "d1",
    retention: {
      objectMs:
        DAY_MS *
        (parseNumber("GLEITZEIT_OBJECT_DAYS", found.GLEITZEIT_OBJECT_DAYS, DAYS) ?? DAYS_KEPT.object),
      historyMs:
        DAY_MS *
        (parseNumber("GLEITZEIT_HISTORY_DAYS", found.GLEITZEIT_HISTORY_DAYS, DAYS) ?? DAYS_KEPT.history),
    },
    executors: parseNumber("GLEITZEIT_EXECUTORS", found.GLEITZEIT_EXECUTORS, EXECUTORS) ?? CAPACITY.executors,
    rootKey: found.GLEITZEIT_ROOT_KEY,
    runnerSecret: found.GLEITZEIT_RUNNER_SECRET,
    secretKey: found.GLEITZEIT_SECRET_KEY,
  };
  parsed.set(env, made);
  return made;
}

function parseOneOf<Name extends string>(
  variable: string,
  names: readonly Name[],
  text: string | undefined,
): Name | undefined {
  const found = names.find((name) => name === text);
  if (text === undefined || found !== undefined) return found;
  throw new Error(`${variable} is "${text.slice(0, 20)}": use one of ${names.join(", ")}`);
}

function parseNumber(variable: string, text: string | undefined, range: Range): number | undefined {
  if (text === undefined) return undefined;
  const { least, most, isWhole } = range;
  const number = Number(text);
  if (number >= least && number <= most && (!isWhole || Number.isInteger(number))) return number;
  const what = isWhole ? "a whole number" : "a number";
  throw new Error(`${variable} is "${text.slice(0, 20)}": give ${what} from ${least} to ${most}`);
}
