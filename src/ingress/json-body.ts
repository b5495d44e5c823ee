/** Bodies that are an object of ours, and no workflow: JSON, and nothing in it that we do not know. */
import { type ErrorCode, GleitzeitError } from "../contract/error.ts";
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Problem } from "../contract/workflow.ts";
import { readBody } from "./body.ts";
import { findTooDeep, parseJson } from "./parse-json.ts";
import { issueAt, RequestError, summarize } from "./problem.ts";

/** Throws `unsupported_media_type`, `too_large`, or `invalid_request` on what is no object. */
export async function readObject(request: Request, mostBytes: number): Promise<JsonObject> {
  const { kind, text } = await readBody(request, mostBytes);
  if (kind !== "json") throw new GleitzeitError("unsupported_media_type", "send this as application/json");
  const tooDeep = findTooDeep(text, LIMITS.depth);
  if (tooDeep !== undefined) {
    const message = `nested too deeply: at most ${LIMITS.depth} levels`;
    throw refuseBody("invalid_request", [{ ...issueAt("", message, "too_deep"), ...tooDeep }]);
  }
  const value = parseJson(text);
  if (isJsonObject(value)) return value;
  throw new RequestError("invalid_request", "the body must be an object", []);
}

export function refuseBody(code: ErrorCode, issues: Problem[]): RequestError {
  return new RequestError(code, `body: ${summarize(issues)}`, issues);
}
