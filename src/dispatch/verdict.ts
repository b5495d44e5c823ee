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

/** `latencyMs`: how long it took to fail. */
export function judge(
  thrown: unknown,
  about: { method: string; spec: ProtocolMethod | undefined; latencyMs: number },
): Verdict {
  const error = describe(about.method, thrown);
  const retryAfterMs = retryAfterOf(thrown);
  const isFaultOfWay = retryingOf(error.code) === "way" && error.code !== "internal";
  const end: CallEnd = isFaultOfWay
    ? { kind: "failed", code: error.code, ...pauseOf(error, retryAfterMs) }
    : isOfInstance(error)
      ? { kind: "answered", latencyMs: about.latencyMs }
      : { kind: "unused" };
  return { error, retryAfterMs, end, mayMove: mayMove(thrown, error, about.spec) };
}

/** A fault of ours, or an address we do not go to, says nothing of the instance. */
const isOfInstance = ({ code }: TaskError): boolean => code !== "internal" && code !== "unsafe_url";

/** A timeout is the whole attempt's. What an instance lacks, another may have. */
function mayMove(thrown: unknown, { code }: TaskError, spec: ProtocolMethod | undefined): boolean {
  if (code === "timeout" || code === "internal") return false;
  if (code === "model_not_found" || code === "unknown_tool") return true;
  if (typeof thrown === "object" && thrown !== null && "mayRepeat" in thrown && thrown.mayRepeat === true)
    return true;
  return spec?.idempotent === true && retryingOf(code) === "way";
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
