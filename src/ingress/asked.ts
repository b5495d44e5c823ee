/** What a body asks for: a workflow in any of the forms it may have, and what comes with it. */
import * as z from "zod";
import { startRequest } from "../contract/api.ts";
import { GleitzeitError } from "../contract/error.ts";
import { encodeJson, isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { type Problem, tags } from "../contract/workflow.ts";
import { PROTOCOLS } from "../providers/protocols/index.ts";
import { type Checked, checkWorkflow } from "../spec/check.ts";
import { collectFindings } from "../spec/problems.ts";
import { checkShape } from "../spec/shape.ts";
import type { Source } from "../spec/source.ts";
import { limitedSuggest } from "../spec/suggest.ts";
import type { Body } from "./body.ts";
import { findTooDeep, parseJson } from "./parse-json.ts";
import { issueAt, RequestError, summarize } from "./problem.ts";

/** `problems`: the workflow is refused before it is looked at. `inputs` are absent where the body has none. */
export type Asked = {
  source: Source | { problems: Problem[] };
  inputs?: JsonObject | undefined;
  tags: Record<string, string>;
  metadata: JsonObject;
};

/** Throws `invalid_request` on a body that is no question, `too_large` on a workflow's text that is. */
export function readAsked({ kind, text }: Body): Asked {
  if (text.trim() === "") throw new RequestError("invalid_request", "the body is empty: send a workflow", []);
  if (kind === "yaml") return bare({ text });
  const tooDeep = findTooDeep(text, LIMITS.depth + 1);
  if (tooDeep !== undefined) {
    const message = `nested too deeply: at most ${LIMITS.depth} levels`;
    return bare({ problems: [{ ...issueAt("", message, "too_deep"), ...tooDeep }] });
  }
  const value = parseJson(text);
  if (!isJsonObject(value)) {
    throw new RequestError(
      "invalid_request",
      'the body must be an object: a workflow, or {"workflow": …}',
      [],
    );
  }
  const isRequest =
    value["workflow"] !== undefined && value["tasks"] === undefined && value["batch"] === undefined;
  return isRequest ? readRequest(value) : bare(text.length > LIMITS.yamlBytes ? { value } : { text, value });
}

/** The workflow checked. Lines are looked up only where it is refused: that takes a second parse. */
export function checkAsked({ source }: Asked): Checked {
  if ("problems" in source) return source;
  if (!("value" in source)) return checkWorkflow(source, { protocols: PROTOCOLS });
  const checked = checkWorkflow({ value: source.value }, { protocols: PROTOCOLS });
  if (checked.workflow !== undefined || !("text" in source)) return checked;
  const located = checkWorkflow(source, { protocols: PROTOCOLS });
  // JSON that is no YAML (tabs) is refused as text, for reasons that are not the workflow's.
  return located.problems.length === checked.problems.length ? located : checked;
}

export function refuseWorkflow(problems: Problem[]): RequestError {
  return new RequestError(
    "invalid_workflow",
    `the workflow does not check: ${summarize(problems)}`,
    problems,
  );
}

/** Already JSON, and possibly large: looking into each value again would take seconds. */
const anyObject = z.custom<JsonObject>(isJsonObject, "must be an object");
const shape = startRequest.extend({
  workflow: z.custom<Json>(
    (value) => typeof value === "string" || isJsonObject(value),
    "must be an object or YAML text",
  ),
  inputs: anyObject.optional(),
  // Counted before they are looked at.
  tags: anyObject
    .refine((value) => Object.keys(value).length <= LIMITS.tags, `must be at most ${LIMITS.tags} tags`)
    .pipe(tags)
    .default({}),
  metadata: anyObject
    .refine(
      (value) => encodeJson(value).length <= LIMITS.metadataBytes,
      `must be at most ${LIMITS.metadataBytes} bytes`,
    )
    .default({}),
});

function readRequest(value: JsonObject): Asked {
  const findings = collectFindings();
  const suggest = limitedSuggest();
  const names = Object.keys(shape.shape);
  for (const key of Object.keys(value)) {
    if (names.includes(key)) continue;
    const message = `${key.slice(0, LIMITS.nameChars)} is not known here: there are ${names.join(", ")}`;
    findings.error({ code: "unknown_key", at: [key], message, suggest: () => suggest(key, names) });
  }
  const request = checkShape(shape, value, { at: [], subject: "", findings, suggest });
  if (request === undefined || findings.hasErrors()) {
    const issues = findings.report();
    throw new RequestError("invalid_request", `body: ${summarize(issues)}`, issues);
  }
  const { workflow, ...rest } = request;
  return {
    ...rest,
    source: typeof workflow === "string" ? { text: measured(workflow) } : { value: workflow },
  };
}

function bare(source: Asked["source"]): Asked {
  return { source, tags: {}, metadata: {} };
}

function measured(text: string): string {
  const isLarge = text.length > LIMITS.yamlBytes || new TextEncoder().encode(text).length > LIMITS.yamlBytes;
  if (!isLarge) return text;
  const message = `workflow: a YAML text has at most ${LIMITS.yamlBytes} bytes; send the workflow as an object`;
  throw new GleitzeitError("too_large", message);
}
