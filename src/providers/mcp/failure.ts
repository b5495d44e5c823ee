/** What a server answers in place of a result, as failures; and which of them say that we must introduce ourselves again. */
import { type ErrorCode, retryingOf } from "../../contract/error.ts";
import { type Advice, nameOf, ProviderError, quote } from "../failure.ts";
import type { Reach } from "../provider.ts";
import { readErrorText } from "../read.ts";
import { refusalOf } from "../refusal.ts";
import { codeOfRpcError, MAPPED_STATUSES, RPC_METHOD_NOT_FOUND } from "../rpc-code.ts";
import { findMessage, type RpcError } from "./message.ts";
import type { Connection } from "./revision.ts";

export const ADVICE: Advice = {
  start: "start that MCP server, with Streamable HTTP as its transport",
  credentials: "register the instance again with the headers that it wants",
};

/** `status` where the error came with one that is no success. */
export function failureOf(reach: Reach, method: string, error: RpcError, status?: number): ProviderError {
  const { code, message } = error;
  const text = `${nameOf(reach)}: ${method} failed (JSON-RPC ${code}): ${quote(reach, message)}${hintOn(code)}`;
  const details = status === undefined ? { rpcCode: code } : { rpcCode: code, status };
  return new ProviderError(codeFor(code), text, { details });
}

// The general error of the transport itself.
const TRANSPORT_ERROR = -32000;

/** An answer whose status is no success. */
export async function refusedBy(
  reach: Reach,
  connection: Connection,
  response: Response,
  method: string,
): Promise<ProviderError> {
  const { status } = response;
  const text = await readErrorText(reach, response);
  const error = MAPPED_STATUSES.includes(status) ? findMessage(text)?.error : undefined;
  const isTold = error && error.code !== TRANSPORT_ERROR;
  const failure = isTold ? failureOf(reach, method, error, status) : refusalOf(reach, response, ADVICE, text);
  if (saysForgotten(connection, { status, text, error })) forgetful.add(failure);
  return failure;
}

// Failures that say so. Not their messages: these name the instance, which may be called "session-db".
const forgetful = new WeakSet<ProviderError>();
// What some servers say in place of 404, and with which of their errors, if with any.
const FORGOTTEN = /session|initializ/i;
const FORGOTTEN_CODES = [TRANSPORT_ERROR, -32001, -32600];

type Said = { status: number; text: string; error: RpcError | null | undefined };

function saysForgotten({ sessionId }: Connection, { status, text, error }: Said): boolean {
  if (status === 404) return sessionId !== undefined;
  if (status !== 400) return false;
  return error ? FORGOTTEN_CODES.includes(error.code) && FORGOTTEN.test(error.message) : FORGOTTEN.test(text);
}

/** Servers from before `server/discover` do not know it, or want a session first: whatever they say to that, but refusals. */
export function isOfSessionEra(thrown: unknown): boolean {
  const { rpcCode, status } = detailsOf(thrown);
  if (rpcCode === RPC_METHOD_NOT_FOUND) return true;
  if (status === undefined) return rpcCode !== undefined;
  return status >= 400 && status < 500 && ![401, 403, 408, 425, 429].includes(status);
}

/** The server has forgotten the session, or is another one now. It has not begun what it was asked. */
export function isForgotten(thrown: unknown): boolean {
  if (!(thrown instanceof ProviderError)) return false;
  return forgetful.has(thrown) || detailsOf(thrown).rpcCode === UNSUPPORTED_REVISION;
}

export function isUnknownMethod(thrown: unknown): boolean {
  return detailsOf(thrown).rpcCode === RPC_METHOD_NOT_FOUND;
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

const RESOURCE_NOT_FOUND = -32002;
const HEADER_MISMATCH = -32020;
const MISSING_CAPABILITY = -32021;
const UNSUPPORTED_REVISION = -32022;
const REFUSALS = [HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_REVISION];

function codeFor(rpcCode: number): ErrorCode {
  if (rpcCode === RESOURCE_NOT_FOUND) return "invalid_params";
  if (REFUSALS.includes(rpcCode)) return "provider_rejected";
  // A tool's failure is said in its result: what comes as an error of the server's own is of the transport.
  const isServer = rpcCode >= -32099 && rpcCode <= -32000;
  return isServer ? "provider_unavailable" : codeOfRpcError(rpcCode);
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
