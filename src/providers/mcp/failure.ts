/** What a server answers in place of a result, as failures; and which of them say that we must introduce ourselves again. */
import { type ErrorCode, retryingOf } from "../../contract/error.ts";
import { type Advice, nameOf, ProviderError, quote } from "../failure.ts";
import type { Reach } from "../provider.ts";
import { readErrorText } from "../read.ts";
import { refusalOf } from "../refusal.ts";
import { findMessage, type RpcError } from "./message.ts";
import type { Connection } from "./revision.ts";

export const ADVICE: Advice = {
  start: "start it with: the command of that MCP server, and Streamable HTTP as its transport",
  credentials: "register the instance again with the headers that it wants",
};

/** `status` where the error came with one that is no success. */
export function failureOf(reach: Reach, method: string, error: RpcError, status?: number): ProviderError {
  const { code, message } = error;
  const text = `${nameOf(reach)}: ${method} failed (JSON-RPC ${code}): ${quote(reach, message)}${hintOn(code)}`;
  const details = status === undefined ? { rpcCode: code } : { rpcCode: code, status };
  return new ProviderError(codeFor(code), text, { details });
}

// With these an error in the body says more than they do. Any other comes from the way, or says when to come again.
const MAPPED_STATUSES = [400, 404, 422, 500];
// The general error of the transport itself.
const TRANSPORT_ERROR = -32000;

/** An answer whose status is no success. */
export async function refusedBy(reach: Reach, response: Response, method: string): Promise<ProviderError> {
  const { status } = response;
  const text = await readErrorText(reach, response);
  const error = MAPPED_STATUSES.includes(status) ? findMessage(text)?.error : undefined;
  const isTold = error && error.code !== TRANSPORT_ERROR;
  return isTold ? failureOf(reach, method, error, status) : refusalOf(reach, response, ADVICE, text);
}

/** Servers from before `server/discover` do not know it, or want a session first: whatever they say to that, but refusals. */
export function isOfSessionEra(thrown: unknown): boolean {
  const { rpcCode, status } = detailsOf(thrown);
  if (rpcCode === METHOD_NOT_FOUND) return true;
  if (status === undefined) return rpcCode !== undefined;
  return status >= 400 && status < 500 && ![401, 403, 408, 425, 429].includes(status);
}

/** The server has forgotten the session, or is another one now. It has not begun what it was asked. */
export function isForgotten(thrown: unknown, { sessionId }: Connection): boolean {
  const { rpcCode, status } = detailsOf(thrown);
  if (rpcCode === UNSUPPORTED_REVISION) return true;
  if (status === 404) return sessionId !== undefined;
  // What some say in place of 404.
  return status === 400 && thrown instanceof Error && /session|initializ/i.test(thrown.message);
}

export function isUnknownMethod(thrown: unknown): boolean {
  return detailsOf(thrown).rpcCode === METHOD_NOT_FOUND;
}

/** The same failure of a call that may be made again elsewhere, if it is one of the way. */
export function repeatable(thrown: unknown): unknown {
  if (!(thrown instanceof ProviderError) || retryingOf(thrown.code) !== "way") return thrown;
  const { code, message, details, retryAfterMs } = thrown;
  return new ProviderError(code, message, {
    ...(details === undefined ? {} : { details }),
    retryAfterMs,
    mayRepeat: true,
  });
}

const METHOD_NOT_FOUND = -32601;
const RESOURCE_NOT_FOUND = -32002;
const HEADER_MISMATCH = -32020;
const MISSING_CAPABILITY = -32021;
const UNSUPPORTED_REVISION = -32022;
const REFUSALS = [-32600, -32700, HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_REVISION];

function codeFor(rpcCode: number): ErrorCode {
  if (rpcCode === -32602 || rpcCode === RESOURCE_NOT_FOUND) return "invalid_params";
  if (rpcCode === METHOD_NOT_FOUND) return "unknown_method";
  if (REFUSALS.includes(rpcCode)) return "provider_rejected";
  // −32603 and the server's own: the server failed, not what it was asked to do.
  const isServer = rpcCode === -32603 || (rpcCode >= -32099 && rpcCode <= -32000);
  return isServer ? "provider_unavailable" : "tool_failed";
}

function hintOn(rpcCode: number): string {
  return rpcCode === MISSING_CAPABILITY
    ? "; it wants to ask a person or a model back, which a task cannot do"
    : "";
}

function detailsOf(thrown: unknown): { rpcCode?: number; status?: number } {
  const { rpcCode, status } = (thrown instanceof ProviderError ? thrown.details : undefined) ?? {};
  return {
    ...(typeof rpcCode === "number" ? { rpcCode } : {}),
    ...(typeof status === "number" ? { status } : {}),
  };
}
