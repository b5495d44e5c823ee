/** The spellings a workflow file may use, and objects read by them: known keys made canonical, others reported. */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { type Finding, type Findings, formatPlace, quoteName } from "./problems.ts";
import { listWords } from "./schema-message.ts";
import { type Place, setOwn } from "./strings.ts";
import type { Suggest } from "./suggest.ts";

/** Canonical keys with their further spellings; snake_case of each is understood besides. */
type Spellings = Readonly<Record<string, readonly string[]>>;

/** How one kind of object is read. `ignored` keys are known and mean nothing; `unsupported` ones must not be ignored. */
export type Keys = {
  known: ReadonlyMap<string, string>;
  ignored: readonly string[];
  unsupported: readonly string[];
};

/** Not there yet: without them a task would run that they should keep from running. */
const FLOW_CONTROL = ["when", "if", "conditions", "foreach", "loop", "map", "wait"];
const RETRY = ["retry_config", "retryConfig"];

export const WORKFLOW_KEYS = keys({
  spellings: {
    name: [],
    description: [],
    version: [],
    inputs: [],
    outputs: [],
    timeout: [],
    maxParallelTasks: [],
    onFailure: [],
    defaults: [],
    tags: [],
    metadata: [],
    mcp: [],
    tasks: [],
  },
  ignored: ["wait_for_completion", "waitForCompletion", "providers"],
  unsupported: FLOW_CONTROL,
});
export const TASK_KEYS = keys({
  spellings: {
    id: [],
    name: [],
    method: [],
    protocol: [],
    params: ["parameters"],
    dependencies: ["depends_on", "dependsOn"],
    priority: [],
    timeout: [],
    retry: RETRY,
    allowFailure: [],
    instance: [],
    tags: [],
    metadata: [],
  },
  unsupported: FLOW_CONTROL,
});
export const DEFAULTS_KEYS = keys({ spellings: { retry: RETRY, timeout: [] } });
export const RETRY_KEYS = keys({
  spellings: {
    maxAttempts: [],
    backoff: ["backoff_strategy", "backoffStrategy"],
    baseDelay: ["delay", "initial_delay", "initialDelay"],
    maxDelay: [],
    jitter: [],
  },
});
export const INPUT_KEYS = keys({
  spellings: { type: [], description: [], default: [], enum: [], required: [] },
});

/** What reading a file gathers. `spelled`: the key as written, by the canonical place, where the two differ. */
export type Reading = { findings: Findings; suggest: Suggest; spelled: Map<string, string> };

/**
 * The object with canonical keys; null is taken for "not said". `subject` begins each message: `task "a": `, or nothing.
 * What is no object is reported, and read as an empty one.
 */
export function readKeys(raw: Json, keys: Keys, at: Place, subject: string, reading: Reading): JsonObject {
  const read: JsonObject = {};
  if (!isJsonObject(raw)) return read;
  const count = Object.keys(raw).length;
  if (count > LIMITS.keys) {
    const message = `${subject}${count} keys are more than ${LIMITS.keys}: large data belongs into params`;
    reading.findings.error({ code: "too_large", at, message });
    return read;
  }
  const writtenAs = new Map<string, string>();
  for (const [key, value] of Object.entries(raw)) {
    const canonical = keys.known.get(key);
    if (canonical === undefined) reportKey(key, keys, at, subject, reading);
    else if (value !== null) take(key, canonical, value);
  }
  return read;

  function take(key: string, canonical: string, value: Json): void {
    const other = writtenAs.get(canonical);
    if (other !== undefined) {
      const both = listWords(
        [other, key].map((one) => quoteName(one)),
        "and",
      );
      // From here on the canonical key is only itself, so that this one is found where it stands.
      reading.spelled.delete(formatPlace([...at, canonical]));
      const message = `${subject}${both} mean the same: keep one of them`;
      return reading.findings.error({ code: "conflicting_keys", at: [...at, key], message, near: "key" });
    }
    writtenAs.set(canonical, key);
    if (key !== canonical) reading.spelled.set(formatPlace([...at, canonical]), key);
    setOwn(read, canonical, value);
  }
}

/** A canonical place as the file spells it. */
export function asSpelled(place: Place, spelled: ReadonlyMap<string, string>): Place {
  return place.map((key, index) => spelled.get(formatPlace(place.slice(0, index + 1))) ?? key);
}

function reportKey(
  key: string,
  keys: Keys,
  at: Place,
  subject: string,
  { findings, suggest }: Reading,
): void {
  const named = `${subject}${quoteName(key)}`;
  const place: Pick<Finding, "at" | "near"> = { at: [...at, key], near: "key" };
  if (keys.unsupported.includes(key)) {
    const message = `${named} is not supported yet, and what it should guard must not run: remove it`;
    findings.error({ code: "unsupported_key", message, ...place });
  } else if (!keys.ignored.includes(key)) {
    const message = `${subject}unknown key ${quoteName(key)} is ignored`;
    findings.warn({ code: "unknown_key", message, ...place, suggest: () => suggest(key, keys.known.keys()) });
  }
}

type KeysDeclared = { spellings: Spellings; ignored?: string[]; unsupported?: string[] };

function keys({ spellings, ignored = [], unsupported = [] }: KeysDeclared): Keys {
  const known = new Map<string, string>();
  for (const [canonical, others] of Object.entries(spellings)) {
    for (const spelling of [canonical, snakeCase(canonical), ...others]) known.set(spelling, canonical);
  }
  return { known, ignored, unsupported };
}

function snakeCase(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
