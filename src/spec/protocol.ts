/** A protocol that somebody registers: all that is wrong with it at once, and its full form where nothing is. */
import * as z from "zod";
import { isJsonObject, type Json, type JsonObject, jsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Protocol, ProtocolMethod } from "../contract/protocol.ts";
import { resourceName } from "../contract/provider.ts";
import { type Problem, retrySettings, workflow, workflowTask } from "../contract/workflow.ts";
import { collectFindings, type Finding, quoteName } from "./problems.ts";
import { describeValue } from "./schema-message.ts";
import { checkSchema } from "./schema-usable.ts";
import { anyObject, checkShape, type Subject } from "./shape.ts";
import { limitedSuggest } from "./suggest.ts";
import { refuseUnknownKeys } from "./unknown-keys.ts";

/** Of `PUT /v1/protocols/{name}/{version}`. Methods may leave out the protocol's name: `score` is `sentiment/score`. */
export const protocolRequest = z.object({
  description: description(),
  methods: z.record(z.string(), methodShape(jsonObject)),
});

/** What the address says: `sentiment` and `v1`. */
export type ProtocolName = { name: string; version: string };

/**
 * @example
 * checkProtocol({ name: "sentiment", version: "v1" }, { methods: { score: {} } }).protocol?.name; // "sentiment/v1"
 */
export function checkProtocol(
  named: ProtocolName,
  value: JsonObject,
): { problems: Problem[]; protocol?: Protocol } {
  const about: Subject = { at: [], subject: "", findings: collectFindings(), suggest: limitedSuggest() };
  checkName(named, about);
  // What a GET has given may be put again; the name in the address wins.
  refuseUnknownKeys(value, ["name", "version", ...Object.keys(protocolRequest.shape)], about);
  const own = checkShape(z.object({ description: description() }), value, about);
  const methods = checkMethods(named, value["methods"], about);
  const problems = about.findings.report();
  if (own === undefined || methods === undefined || about.findings.hasErrors()) return { problems };
  const version = named.version.replace(/^v/, "");
  return { problems, protocol: { name: `${named.name}/${named.version}`, version, ...own, methods } };
}

const VERSION = /^v?[0-9][A-Za-z0-9.]{0,62}$/;
/** `score`, `documents/list` */
const METHOD = /^[A-Za-z0-9_][\w.-]*(?:\/[\w.-]+)*$/;

function description() {
  return workflow.shape.description.unwrap().default("");
}

function methodShape<Schema extends z.ZodType<JsonObject>>(schema: Schema) {
  return z.object({
    description: description(),
    params: schema.optional(),
    result: schema.optional(),
    timeout: workflowTask.shape.timeout,
    retry: retrySettings.optional(),
    idempotent: z.boolean().optional(),
  });
}

/** Already JSON, and possibly large: looking into each value again would only cost time. */
const givenMethod = methodShape(anyObject);

function checkName({ name, version }: ProtocolName, { findings }: Subject): void {
  const invalid = (at: string, message: string) =>
    findings.error({ code: "invalid_value", at: [at], message });
  const parsed = resourceName.safeParse(name);
  if (!parsed.success) invalid("name", `the protocol's name ${parsed.error.issues[0]?.message}`);
  if (!VERSION.test(version)) {
    invalid("version", `the protocol's version must be like v1 or 2.0, not ${quoteName(version)}`);
  }
}

function checkMethods(
  named: ProtocolName,
  value: Json | undefined,
  about: Subject,
): Record<string, ProtocolMethod> | undefined {
  const { findings } = about;
  const given = isJsonObject(value) ? Object.entries(value) : [];
  if (given.length === 0 || given.length > LIMITS.protocolMethods) {
    const found = isJsonObject(value) ? `${given.length} methods` : describeValue(value);
    const message = `methods must be an object of 1 to ${LIMITS.protocolMethods} methods, not ${found}`;
    findings.error({ code: value === undefined ? "missing_key" : "invalid_value", at: ["methods"], message });
    return undefined;
  }
  const methods: Record<string, ProtocolMethod> = {};
  for (const [key, method] of given) {
    const full = key.startsWith(`${named.name}/`) ? key : `${named.name}/${key}`;
    const at = ["methods", key];
    const subject = `method ${quoteName(key)}: `;
    checkMethodName(key, full, Object.hasOwn(methods, full), { ...about, at, subject });
    const checked = checkMethod(method, { ...about, at, subject });
    if (checked !== undefined) methods[full] = checked;
  }
  return methods;
}

function checkMethodName(
  key: string,
  full: string,
  isTaken: boolean,
  { at, subject, findings }: Subject,
): void {
  const place: Pick<Finding, "at" | "near"> = { at, near: "key" };
  const rest = full.slice(full.indexOf("/") + 1);
  if (!METHOD.test(rest) || full.length > LIMITS.nameChars) {
    const message = `${subject}a method's name has letters, digits, ".", "_", "-" and "/", at most ${LIMITS.nameChars}`;
    findings.error({ code: "invalid_value", message, ...place });
  }
  if (isTaken) {
    const message = `${subject}${quoteName(key)} and another spelling both mean ${quoteName(full)}: keep one of them`;
    findings.error({ code: "conflicting_keys", message, ...place });
  }
}

/** Params are an object, whatever their schema says of it. */
const PARAMS_DEFAULT: JsonObject = { type: "object" };

function checkMethod(value: Json, about: Subject): ProtocolMethod | undefined {
  const { at, subject, findings } = about;
  if (!isJsonObject(value)) {
    const message = `${subject}must be an object like {description, params, result}, not ${describeValue(value)}`;
    findings.error({ code: "invalid_value", at, message });
    return undefined;
  }
  refuseUnknownKeys(value, Object.keys(givenMethod.shape), about);
  if (isJsonObject(value["retry"])) {
    const retry = { ...about, at: [...at, "retry"], subject: `${subject}retry.` };
    refuseUnknownKeys(value["retry"], Object.keys(retrySettings.shape), retry);
  }
  const checked = checkShape(givenMethod, value, about);
  if (checked === undefined) return undefined;
  const { params = PARAMS_DEFAULT, result = {}, ...rest } = checked;
  for (const [name, schema] of Object.entries({ params, result })) {
    for (const finding of checkSchema(schema, name)) {
      findings.error({ ...finding, at: [...at, ...finding.at], message: subject + finding.message });
    }
  }
  return { ...rest, params, result };
}
