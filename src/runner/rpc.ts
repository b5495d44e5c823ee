import { LIMITS } from "./limits.ts";

/** JSON-RPC 2.0 as data: what a body holds and how an answer is written. https://www.jsonrpc.org/specification */

export type RpcId = string | number | null;
type RpcFailure = { code: number; message: string };
export type RpcAnswer = { jsonrpc: "2.0"; id: RpcId } & ({ result: unknown } | { error: RpcFailure });
/** Without an id it is a notification: carried out, never answered. */
export type RpcCall = { kind: "call"; id: RpcId | undefined; method: string; params: unknown };
export type RpcEntry = RpcCall | { kind: "invalid"; answer: RpcAnswer };
export type RpcMessage = { isBatch: boolean; entries: RpcEntry[] };

export const RPC_CODES = {
  parse: -32700,
  invalidRequest: -32600,
  unknownMethod: -32601,
  invalidParams: -32602,
  internal: -32603,
} as const;

/** What a method throws so that the caller is told this code; anything else thrown is `internal`. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export const invalidParam = (name: string, problem: string): RpcError =>
  new RpcError(RPC_CODES.invalidParams, `${name} ${problem}`);

export const failed = (id: RpcId, code: number, message: string): RpcAnswer => ({
  jsonrpc: "2.0",
  id,
  error: { code, message },
});

export function parseMessage(body: Uint8Array): RpcMessage {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    return alone(invalid(null, RPC_CODES.parse, `the body is not JSON: ${messageOf(cause)}`));
  }
  if (!Array.isArray(value)) return alone(parseEntry(value));
  if (value.length === 0 || value.length > LIMITS.batchCalls) {
    const message = `a batch holds 1 to ${LIMITS.batchCalls} requests, this one ${value.length}`;
    return alone(invalid(null, RPC_CODES.invalidRequest, message));
  }
  return { isBatch: true, entries: value.map(parseEntry) };
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown);

function parseEntry(value: unknown): RpcEntry {
  if (!isObject(value)) return notRequest(null, "a request is an object");
  const { id, method, params } = value;
  if (!isId(id)) return notRequest(null, '"id" is a string, a number or null');
  if (value["jsonrpc"] !== "2.0") return notRequest(id, '"jsonrpc" must be "2.0"');
  if (typeof method !== "string") return notRequest(id, '"method" must be a string');
  if (params !== undefined && (typeof params !== "object" || params === null)) {
    return notRequest(id, '"params" must be an object');
  }
  return { kind: "call", id, method, params };
}

const isId = (id: unknown): id is RpcId | undefined =>
  id === undefined || id === null || typeof id === "string" || typeof id === "number";

const notRequest = (id: RpcId | undefined, why: string): RpcEntry =>
  invalid(id ?? null, RPC_CODES.invalidRequest, `not a JSON-RPC 2.0 request: ${why}`);

const invalid = (id: RpcId, code: number, message: string): RpcEntry => ({
  kind: "invalid",
  answer: failed(id, code, message),
});

const alone = (entry: RpcEntry): RpcMessage => ({ isBatch: false, entries: [entry] });
