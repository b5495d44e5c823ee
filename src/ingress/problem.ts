/** Errors as RFC 9457 problem details: what a client is told, and what is logged instead. */
import type { Context } from "hono";
import type { ProblemDetails } from "../contract/api.ts";
import { adviceFor, codeOf, type ErrorCode, GleitzeitError, statusOf } from "../contract/error.ts";
import type { Problem } from "../contract/workflow.ts";
import type { Bound } from "./router.ts";

/** A request that is refused for something in it; `issues` name the places. */
export class RequestError extends GleitzeitError {
  readonly issues: Problem[];

  constructor(code: ErrorCode, message: string, issues: Problem[]) {
    super(code, message);
    this.issues = issues;
  }
}

const RETRY_AFTER_SECONDS = 2;
const LOGGED_CHARS = 200;
const LOGGED_FRAMES = 6;

/** The answer to whatever was thrown. What is not ours is `internal`, and only the log knows more. */
export function answerError(thrown: unknown, c: Context<Bound>): Response {
  const code = codeOf(thrown);
  if (code === "internal") logFault(thrown, c);
  const detail =
    code === "internal" || !(thrown instanceof Error)
      ? "something went wrong on our side; the log has it under the requestId"
      : thrown.message;
  const body: ProblemDetails = {
    type: `urn:gleitzeit:problem:${code}`,
    title: titleOf(code),
    status: statusOf(code),
    detail,
    code,
    suggestions: [adviceFor(code)],
    issues: issuesOf(thrown),
    requestId: c.get("requestId"),
  };
  const headers = new Headers({ "Content-Type": "application/problem+json" });
  if (code === "unavailable" || code === "rate_limited") {
    headers.set("Retry-After", String(RETRY_AFTER_SECONDS));
  }
  return new Response(JSON.stringify(body), { status: body.status, headers });
}

/** A finding about a request, for {@link RequestError}. */
export function issueAt(path: string, message: string, code = "invalid_value"): Problem {
  return { severity: "error", code, path, message };
}

/** What an error's detail says of its issues: the first, and that there are more. */
export function summarize(issues: Problem[]): string {
  const [first, ...more] = issues.filter(({ severity }) => severity === "error");
  return `${first?.message}${more.length > 0 ? ` (and ${more.length} more: see issues)` : ""}`;
}

function issuesOf(thrown: unknown): Problem[] {
  if (thrown instanceof RequestError) return thrown.issues;
  // History names the query parameter it does not like.
  const parameter = thrown instanceof GleitzeitError ? thrown.details?.["parameter"] : undefined;
  return typeof parameter === "string" && thrown instanceof Error ? [issueAt(parameter, thrown.message)] : [];
}

/** `not_found` → `Not found` */
function titleOf(code: ErrorCode): string {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** The place and the first words: a message may go on with what somebody sent. */
function logFault(thrown: unknown, c: Context<Bound>): void {
  const error = thrown instanceof Error ? thrown : new Error("something that is no error was thrown");
  const frames = error.stack?.match(/^ {4}at .*$/gm)?.slice(0, LOGGED_FRAMES) ?? [];
  const what = `${error.name}: ${error.message.slice(0, LOGGED_CHARS)}`;
  console.error(`ingress: ${c.req.method} failed, request ${c.get("requestId")}: ${what}`, frames.join("\n"));
}
