/**
 * The closed list of error codes, what each means for HTTP and for retries, and the one error class.
 * A task's failure is data ({@link TaskError}); what is thrown is a {@link GleitzeitError}.
 */
import * as z from "zod";
import { encodeJson, type JsonObject, jsonObject } from "./json.ts";
import { LIMITS } from "./limits.ts";

/**
 * `way`: a fault of the way to the provider, always retried. `work`: the work itself failed, retried only where the
 * workflow says `retry`. `never`: the same request would fail again.
 */
export type Retrying = "way" | "work" | "never";

type Meaning = { status: number; retry: Retrying; advice: string };

const CODES = {
  // Requests
  invalid_request: { status: 400, retry: "never", advice: "Correct the request as the message says." },
  invalid_workflow: {
    status: 422,
    retry: "never",
    advice: "Correct the workflow at the lines named in issues.",
  },
  invalid_inputs: { status: 422, retry: "never", advice: "Give the inputs the workflow declares." },
  unauthorized: { status: 401, retry: "never", advice: "Send Authorization: Bearer with a valid key." },
  forbidden: { status: 403, retry: "never", advice: "Use a key whose role allows this." },
  foreign_origin: {
    status: 403,
    retry: "never",
    advice: "Web pages of other origins may not call a local service.",
  },
  auth_not_configured: {
    status: 503,
    retry: "never",
    advice: "Set the first key: wrangler secret put GLEITZEIT_ROOT_KEY",
  },
  not_found: { status: 404, retry: "never", advice: "Check the id; GET /v1/runs lists runs." },
  method_not_allowed: { status: 405, retry: "never", advice: "Use a method named in the Allow header." },
  conflict: { status: 409, retry: "never", advice: "Read the run's status first." },
  too_large: { status: 413, retry: "never", advice: "Send less, or split the work into several runs." },
  unsupported_media_type: {
    status: 415,
    retry: "never",
    advice: "Send application/json or application/yaml.",
  },
  idempotency_key_reused: {
    status: 422,
    retry: "never",
    advice: "Use a new Idempotency-Key for a different body.",
  },
  rate_limited: { status: 429, retry: "way", advice: "Wait as long as Retry-After says." },
  unavailable: { status: 503, retry: "way", advice: "Try again in a moment." },
  secret_key_not_configured: {
    status: 503,
    retry: "never",
    advice: "Set the key that encrypts secret headers: wrangler secret put GLEITZEIT_SECRET_KEY",
  },
  unsafe_url: {
    status: 422,
    retry: "never",
    advice: "Use a public address of http or https, or local mode (npm start).",
  },
  invalid_protocol: { status: 422, retry: "never", advice: "Correct the protocol at the places in issues." },
  internal: { status: 500, retry: "way", advice: "Try again; report the requestId if it stays." },

  // Tasks: what was asked
  reference_unresolved: { status: 422, retry: "never", advice: "Use one of the keys the message names." },
  invalid_params: { status: 422, retry: "never", advice: "Correct the task's params." },
  params_too_large: { status: 413, retry: "never", advice: "Refer to less of an earlier result." },
  unknown_method: { status: 422, retry: "never", advice: "Use a method of the protocol." },
  unknown_tool: { status: 422, retry: "never", advice: "Use a tool that a server offers." },
  model_not_found: { status: 422, retry: "never", advice: "Pull the model: ollama pull MODEL" },
  no_provider: {
    status: 503,
    retry: "never",
    advice: "Register an instance of the protocol, or start one at a candidate address.",
  },
  provider_rejected: {
    status: 422,
    retry: "never",
    advice: "The provider refused the request: see the message.",
  },

  // Tasks: the way to the provider
  connection_failed: { status: 502, retry: "way", advice: "Check that the provider runs and is reachable." },
  provider_unavailable: {
    status: 502,
    retry: "way",
    advice: "The provider answered that it cannot serve now.",
  },
  stream_broken: { status: 502, retry: "way", advice: "The provider's answer broke off." },
  invalid_answer: {
    status: 502,
    retry: "way",
    advice: "Something else than the provider answers there: check the instance's URL.",
  },
  timeout: { status: 504, retry: "way", advice: "Give the task a longer timeout, or less to do." },
  attempt_lost: { status: 502, retry: "never", advice: "The executor died during the call; retry the run." },

  // Tasks: the work itself
  script_failed: { status: 422, retry: "work", advice: "Mend the script at the line of the traceback." },
  tool_failed: { status: 422, retry: "work", advice: "See the tool's message." },
  invalid_result: { status: 502, retry: "work", advice: "The reply breaks the protocol's result schema." },
  result_too_large: { status: 413, retry: "never", advice: "Let the task return less." },

  // Runs
  task_failed: { status: 422, retry: "never", advice: "See the failed tasks; POST …/retry runs them again." },
  run_timeout: { status: 504, retry: "never", advice: "Give the workflow a longer timeout." },
  output_unresolved: { status: 422, retry: "never", advice: "Correct the reference in outputs." },
  outputs_too_large: { status: 413, retry: "never", advice: "Let outputs refer to less." },
} as const satisfies Record<string, Meaning>;

export type ErrorCode = keyof typeof CODES;
export const errorCode: z.ZodType<ErrorCode> = z.enum(Object.keys(CODES) as [ErrorCode, ...ErrorCode[]]);

export const statusOf = (code: ErrorCode): number => CODES[code].status;
export const retryingOf = (code: ErrorCode): Retrying => CODES[code].retry;
export const adviceFor = (code: ErrorCode): string => CODES[code].advice;

/** Why a task or a run failed. `retryable`: the same request may succeed later. */
export const taskError = z.object({
  code: errorCode,
  message: z.string(),
  retryable: z.boolean(),
  details: jsonObject.optional(),
});
export type TaskError = z.infer<typeof taskError>;

/** A task's failure; an over-long message is cut, since it is stored with each event that carries it. */
export function makeTaskError(code: ErrorCode, message: string, details?: JsonObject): TaskError {
  const error: TaskError = { code, message: cut(message), retryable: retryingOf(code) !== "never" };
  const isSmall = details !== undefined && encodeJson(details).byteLength <= LIMITS.errorDetailsBytes;
  return isSmall ? { ...error, details } : error;
}

/**
 * What Gleitzeit throws. Recognise it by `code`: `instanceof` does not survive RPC between objects.
 *
 * @example
 * throw new GleitzeitError("not_found", `run "${id}": there is none`);
 */
export class GleitzeitError extends Error {
  override readonly name = "GleitzeitError";
  readonly code: ErrorCode;
  readonly details: JsonObject | undefined;

  constructor(code: ErrorCode, message: string, options: { details?: JsonObject; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.details = options.details;
  }
}

/** The code of whatever was thrown; `internal` for what is not ours. */
export function codeOf(thrown: unknown): ErrorCode {
  const code = typeof thrown === "object" && thrown !== null && "code" in thrown ? thrown.code : undefined;
  const parsed = errorCode.safeParse(code);
  return parsed.success ? parsed.data : "internal";
}

function cut(message: string): string {
  const most = LIMITS.errorMessageChars;
  return message.length <= most ? message : `${message.slice(0, most)}… (${message.length} characters)`;
}
