/** What a failed call means: for the task, for the instance, and for whether another instance may try at once. */
import { codeOf, makeTaskError, retryingOf, type TaskError } from "../contract/error.ts";
import type { Json } from "../contract/json.ts";
import { TIMING } from "../contract/limits.ts";
import type { ProtocolMethod } from "../contract/protocol.ts";
import type { CallEnd } from "../contract/sync.ts";

export type Verdict = {
  error: TaskError;
  retryAfterMs: number | undefined;
  end: CallEnd;
  /** Another instance may be asked at once: nothing was begun, or doing it twice does no harm. */
  mayMove: boolean;
};

/** `latencyMs`: how long it took to fail; `waitedMs`: since the last request. `isAnswered`: its headers had come. */
export type About = {
  method: string;
  spec: ProtocolMethod | undefined;
  isOnce: boolean;
  latencyMs: number;
  waitedMs: number;
  isSent: boolean;
  isAnswered: boolean;
};

export function judge(thrown: unknown, about: About): Verdict {
  const error = describe(about.method, thrown);
  const retryAfterMs = retryAfterOf(thrown);
  return {
    error,
    retryAfterMs,
    end: endOf(error, retryAfterMs, about),
    mayMove: mayMove(thrown, error, about),
  };
}

/** What the failure says of the instance. What was never sent says nothing, but for one that cannot be asked at all. */
function endOf(error: TaskError, retryAfterMs: number | undefined, about: About): CallEnd {
  const { code } = error;
  const failed: CallEnd = { kind: "failed", code, ...pauseOf(error, retryAfterMs) };
  if (isRefusalOfUs(error, about)) return failed;
  if (!about.isSent || code === "internal" || code === "unsafe_url") return { kind: "unused" };
  // Some tasks have little time; an instance that is slow to begin may only be loading a model.
  if (code === "timeout") return about.isAnswered || about.waitedMs < SILENT_MS ? { kind: "unused" } : failed;
  return retryingOf(code) === "way" ? failed : { kind: "answered", latencyMs: about.latencyMs };
}

const SILENT_MS = 10_000;

/**
 * The instance wants our credentials renewed, or another address: for as long as that is so it can do nothing, and has
 * begun nothing.
 */
function isRefusalOfUs({ code, details }: TaskError, { isSent }: About): boolean {
  const status = Number(details?.["status"]);
  const isElsewhere = status >= 300 && status < 400;
  return code === "provider_rejected" && (!isSent || status === 401 || status === 403 || isElsewhere);
}

/** A timeout is the whole attempt's. What an instance lacks, another may have. */
function mayMove(thrown: unknown, error: TaskError, about: About): boolean {
  const { code, details } = error;
  const isIdempotent = about.spec?.idempotent === true;
  if (code === "timeout" || code === "internal") return false;
  if (code === "model_not_found" || code === "unknown_tool" || isRefusalOfUs(error, about)) return true;
  // A connection that broke may have brought the request there; a retry would make it again too, but not this task's.
  const status = details?.["status"];
  if (about.isOnce && !isIdempotent) return status === 429 || status === 503;
  const isHarmless =
    typeof thrown === "object" && thrown !== null && "mayRepeat" in thrown && thrown.mayRepeat;
  return isHarmless === true || (isIdempotent && retryingOf(code) === "way");
}

/** An instance that says when it can be asked again gets nothing until then; a busy one that does not, for a moment. */
function pauseOf({ details }: TaskError, retryAfterMs: number | undefined): { retryAfterMs?: number } {
  if (retryAfterMs !== undefined) return { retryAfterMs };
  return details?.["status"] === 429 ? { retryAfterMs: TIMING.busyMs } : {};
}

function describe(method: string, thrown: unknown): TaskError {
  const code = codeOf(thrown);
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  const message = code === "internal" ? `${method} broke: ${said}` : said;
  const details =
    typeof thrown === "object" && thrown !== null && "details" in thrown ? thrown.details : undefined;
  return makeTaskError(code, message, isJsonRecord(details) ? details : undefined);
}

function isJsonRecord(value: unknown): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function retryAfterOf(thrown: unknown): number | undefined {
  const value =
    typeof thrown === "object" && thrown !== null && "retryAfterMs" in thrown
      ? thrown.retryAfterMs
      : undefined;
  return typeof value === "number" ? value : undefined;
}
