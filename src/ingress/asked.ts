/** What a body asks for: a workflow in any of the forms it may have, and what comes with it. */
import * as z from "zod";
import { startRequest } from "../contract/api.ts";
import { GleitzeitError } from "../contract/error.ts";
import { encodeJson, isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { type Problem, tags } from "../contract/workflow.ts";
import { collectFindings } from "../spec/problems.ts";
import { checkShape } from "../spec/shape.ts";
import type { Source } from "../spec/source.ts";
import { limitedSuggest } from "../spec/suggest.ts";
import { refuseUnknownKeys } from "../spec/unknown-keys.ts";
import type { Body } from "./body.ts";
import { refuseBody } from "./json-body.ts";
import { findTooDeep, parseJson } from "./parse-json.ts";
import { issueAt, RequestError } from "./problem.ts";

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
  const about = { at: [], subject: "", findings, suggest: limitedSuggest() };
  refuseUnknownKeys(value, Object.keys(shape.shape), about);
  const request = checkShape(shape, value, about);
  if (request === undefined || findings.hasErrors()) {
    throw refuseBody("invalid_request", findings.report());
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
