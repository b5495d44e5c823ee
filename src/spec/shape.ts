/** What a workflow file may say beside its canonical form, and what zod finds wrong with it in our own words. */
import * as z from "zod";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { inputSchema, PRIORITIES, workflow, workflowTask } from "../contract/workflow.ts";
import { type Findings, formatPlace } from "./problems.ts";
import { describeValue, listWords, typeName } from "./schema-message.ts";
import type { Place } from "./strings.ts";
import type { Suggest } from "./suggest.ts";
import { OPENING } from "./template.ts";

/** For a message that ends with what there is instead. */
const NAMES_VALUE = { namesValue: true };
/** Already JSON, and possibly large: looking into each value again would only cost time. */
export const anyObject = z.custom<JsonObject>(isJsonObject, "must be an object");
const anyJson = z.custom<Json>((value) => value !== undefined);
const inputs = atMost<Record<string, unknown>>(LIMITS.inputs, "inputs").pipe(
  z.record(
    z.string(),
    inputSchema.extend({ default: anyJson.optional(), enum: z.array(anyJson).optional() }),
  ),
);
const metadata = anyObject.refine(
  (value) => JSON.stringify(value).length <= LIMITS.metadataBytes,
  `must be at most ${LIMITS.metadataBytes} bytes: keep larger things elsewhere, and refer to them`,
);

/** Who does a task is settled before it begins: a reference would stand there as text. */
const withoutReference = (value: string): boolean => !value.includes(OPENING);
const WITHOUT_REFERENCE = "must be written out: references are not resolved here";

/** Ids may still be missing or odd, dependencies may be names. */
export const fileTask = workflowTask.extend({
  id: z.string().optional(),
  name: workflowTask.shape.name.optional(),
  protocol: workflowTask.shape.protocol.optional(),
  params: anyObject.default({}),
  dependencies: z.array(z.string()).default([]),
  priority: workflowTask.shape.priority.default("normal"),
  allowFailure: workflowTask.shape.allowFailure.default(false),
  instance: workflowTask.shape.instance.unwrap().refine(withoutReference, WITHOUT_REFERENCE).optional(),
  tags: z
    .array(z.string().min(1).max(LIMITS.tagChars).refine(withoutReference, WITHOUT_REFERENCE))
    .max(LIMITS.tags)
    .optional(),
  metadata: metadata.optional(),
});
export type FileTask = z.infer<typeof fileTask>;

export const fileWorkflow = workflow.omit({ tasks: true }).extend({
  name: workflow.shape.name.default("Unnamed workflow"),
  inputs: inputs.default({}),
  outputs: atMost<JsonObject>(LIMITS.outputs, "outputs").optional(),
  timeout: workflow.shape.timeout.default(3600),
  maxParallelTasks: workflow.shape.maxParallelTasks.default(100),
  onFailure: workflow.shape.onFailure.default("skip_dependents"),
  defaults: workflow.shape.defaults.default({}),
  tags: atMost<Record<string, unknown>>(LIMITS.tags, "tags").pipe(workflow.shape.tags).default({}),
  metadata: metadata.default({}),
  mcp: workflow.shape.mcp.default(true),
});
export type FileWorkflow = z.infer<typeof fileWorkflow>;

export type Subject = { at: Place; subject: string; findings: Findings; suggest: Suggest };

/** The value in its shape, or undefined after what is wrong with it was reported. */
export function checkShape<T>(shape: z.ZodType<T>, value: JsonObject, about: Subject): T | undefined {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) reportIssue(issue, value, about);
  return undefined;
}

/** Counted before they are looked at one by one. */
function atMost<T extends Record<string, unknown>>(most: number, what: string) {
  return z
    .custom<T>(isJsonObject, { message: "must be an object", params: NAMES_VALUE, abort: true })
    .refine((value) => Object.keys(value).length <= most, {
      message: `must be at most ${most} ${what}`,
      abort: true,
    });
}

type Issue = z.core.$ZodIssue;

function reportIssue(issue: Issue, value: JsonObject, { at, subject, findings, suggest }: Subject): void {
  const path = issue.path.map((key) => (typeof key === "number" ? key : String(key)));
  const found = path.reduce<Json | undefined>(childOf, value);
  const isMissing = found === undefined;
  const name = formatPlace(path);
  findings.error({
    code: isMissing ? "missing_key" : "invalid_value",
    at: [...at, ...path],
    message: subject + (isMissing ? `${name} is missing` : explain(issue, name, found)),
    suggest: () =>
      issue.code === "invalid_value" ? suggest(String(found), issue.values.map(String)) : undefined,
  });
}

function childOf(value: Json | undefined, key: string | number): Json | undefined {
  if (Array.isArray(value)) return value[Number(key)];
  return isJsonObject(value) ? ownValue(value, String(key)) : undefined;
}

function explain(issue: Issue, name: string, value: Json): string {
  const butIs = `, not ${describeValue(value)}`;
  switch (issue.code) {
    case "invalid_type":
      return `${name} must be ${typeNameOf(issue.expected)}${butIs}${quoteHint(issue.expected, value)}`;
    case "invalid_value":
      return `${name} must be ${allowed(issue.values)}${butIs}`;
    case "too_small":
      return `${name} must ${amount(issue.origin, "at least", issue.minimum)}${measured(value)}`;
    case "too_big":
      return `${name} must ${amount(issue.origin, "at most", issue.maximum)}${measured(value)}`;
    case "custom": {
      const said = issue.message.startsWith("must") ? issue.message : `must be ${issue.message}`;
      return `${name} ${said}${issue.params?.["namesValue"] === true ? butIs : ""}`;
    }
    default:
      return `${name}: ${issue.message}`;
  }
}

function typeNameOf(expected: string): string {
  return typeName({ int: "integer", record: "object" }[expected] ?? expected);
}

/** YAML reads 2024 and true as what they look like. */
function quoteHint(expected: string, value: Json): string {
  return expected === "string" && (typeof value === "number" || typeof value === "boolean")
    ? ": put it in quotes"
    : "";
}

function allowed(values: readonly unknown[]): string {
  const isPriority = values.length === PRIORITIES.length && PRIORITIES.every((one) => values.includes(one));
  const numbers = isPriority ? ["1 (high)", "2 (normal)", "3 (low)"] : [];
  return listWords([...values.map(String), ...numbers], "or");
}

function amount(origin: string, words: string, limit: number | bigint): string {
  if (origin === "string") return `have ${words} ${limit} character${Number(limit) === 1 ? "" : "s"}`;
  return origin === "array"
    ? `have ${words} ${limit} item${Number(limit) === 1 ? "" : "s"}`
    : `be ${words} ${limit}`;
}

function measured(value: Json): string {
  if (typeof value === "string") return `, not ${value.length}`;
  return typeof value === "number" ? `, not ${value}` : "";
}
