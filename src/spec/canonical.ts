/** A workflow file with canonical keys and values; whether these are right is asked afterwards (shape.ts). */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { quoteName } from "./problems.ts";
import { labelOf } from "./raw-task.ts";
import { describeValue } from "./schema-message.ts";
import {
  DEFAULTS_KEYS,
  INPUT_KEYS,
  RETRY_KEYS,
  type Reading,
  readKeys,
  TASK_KEYS,
  WORKFLOW_KEYS,
} from "./spellings.ts";
import { type Place, setOwn } from "./strings.ts";

/** `subject` begins every message about the task (`task "a": `), `at` is its place in the file. */
export type DraftTask = { subject: string; at: Place; fields: JsonObject };
/** `fields` are the workflow's own, without its tasks. */
export type Draft = { fields: JsonObject; tasks: DraftTask[] };
/** A scalar as the text has it, for what YAML reads as a number and means as text. */
export type SourceAt = (place: Place) => string | undefined;

export function readWorkflow(raw: JsonObject, reading: Reading, sourceAt: SourceAt): Draft {
  const fields = readKeys(raw, WORKFLOW_KEYS, [], "", reading);
  const tasks = Array.isArray(fields["tasks"]) ? fields["tasks"] : [];
  const { version, inputs, defaults } = fields;
  if (typeof version === "number") fields["version"] = sourceAt(["version"]) ?? String(version);
  if (isJsonObject(inputs)) fields["inputs"] = readInputs(inputs, reading);
  if (isJsonObject(defaults)) fields["defaults"] = readDefaults(defaults, reading);
  return { fields, tasks: tasks.flatMap((task, index) => readTask(task, index, reading)) };
}

const PRIORITY_NUMBERS: Record<number, string> = { 1: "high", 2: "normal", 3: "low" };

/** None, and said so, for what is no object. */
function readTask(raw: Json, index: number, reading: Reading): DraftTask[] {
  const at = ["tasks", index];
  if (!isJsonObject(raw)) {
    const message = `task ${index + 1} must be an object with a method, not ${describeValue(raw)}`;
    reading.findings.error({ code: "invalid_value", at, message });
    return [];
  }
  const named = { ...raw, ...textual(raw, "id") };
  const subject = `task ${quoteName(labelOf(named, index))}: `;
  const fields = readKeys(named, TASK_KEYS, at, subject, reading);
  const { dependencies, priority, retry, tags } = fields;
  if (dependencies !== undefined) fields["dependencies"] = readDependencies(dependencies);
  if (typeof tags === "string") fields["tags"] = [tags];
  if (typeof priority === "number") fields["priority"] = PRIORITY_NUMBERS[priority] ?? priority;
  if (isJsonObject(retry)) fields["retry"] = readKeys(retry, RETRY_KEYS, [...at, "retry"], subject, reading);
  return [{ subject, at, fields }];
}

/** One that is alone may stand without a list, like a tag; ids may look like numbers. */
function readDependencies(raw: Json): Json {
  if (typeof raw === "string" || typeof raw === "number") return [String(raw)];
  return Array.isArray(raw) ? raw.map((one) => (typeof one === "number" ? String(one) : one)) : raw;
}

/** `id: 1` means the text "1". */
function textual(raw: JsonObject, key: string): JsonObject {
  const value = raw[key];
  return typeof value === "number" ? { [key]: String(value) } : {};
}

function readDefaults(raw: JsonObject, reading: Reading): JsonObject {
  const fields = readKeys(raw, DEFAULTS_KEYS, ["defaults"], "", reading);
  const { retry } = fields;
  return isJsonObject(retry)
    ? { ...fields, retry: readKeys(retry, RETRY_KEYS, ["defaults", "retry"], "", reading) }
    : fields;
}

function readInputs(raw: JsonObject, reading: Reading): JsonObject {
  // Too many are refused by their shape, and not looked at.
  if (Object.keys(raw).length > LIMITS.inputs) return raw;
  const inputs: JsonObject = {};
  for (const [name, value] of Object.entries(raw)) setOwn(inputs, name, readInput(name, value, reading));
  return inputs;
}

/** An input is a schema, a bare default value, or (null) declared and no more. */
function readInput(name: string, raw: Json, reading: Reading): JsonObject {
  if (raw === null) return {};
  const isSchema = isJsonObject(raw) && ["type", "default", "enum"].some((key) => Object.hasOwn(raw, key));
  return isSchema ? readKeys(raw, INPUT_KEYS, ["inputs", name], "", reading) : { default: raw };
}
