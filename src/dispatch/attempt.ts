/** Carries out one attempt: params checked, provider called, result checked. Its end is always an outcome. */
import { codeOf, GleitzeitError, makeTaskError, type TaskError } from "../contract/error.ts";
import { decodeJson, encodeJson, isJsonObject, type Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Outcome } from "../contract/sync.ts";
import { findProvider } from "../providers/index.ts";
import { findMethod } from "../providers/protocols/index.ts";
import type { Context, Endpoint, Provider, Call as ProviderCall, Reply } from "../providers/provider.ts";
import { checkAgainstSchema } from "../spec/schema.ts";
import type { Call } from "./session.ts";

export type Circumstances = {
  /** Where to; undefined: a task that needs no provider. */
  endpoint: { kind: string; instance: Endpoint } | undefined;
  /** Fires when nobody wants the result any more. */
  signal: AbortSignal;
  fetch: typeof fetch;
  emit: (text: string) => void;
};

const NOWHERE: Endpoint = { id: "builtin", url: "" };
const TIMED_OUT = Symbol("timed out");

/** Never rejects. After `signal` fired its outcome is of no interest. */
export async function carryOut(call: Call, circumstances: Circumstances): Promise<Outcome> {
  const { endpoint } = circumstances;
  const instance = endpoint === undefined ? {} : { instance: endpoint.instance.id };
  try {
    const { result, usage } = await ask(call, circumstances);
    const bytes = encodeResult(result);
    return { kind: "completed", result: bytes, ...(usage === undefined ? {} : { usage }), ...instance };
  } catch (thrown) {
    const retryAfterMs = retryAfterOf(thrown);
    return {
      kind: "failed",
      error: describe(call, thrown),
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...instance,
    };
  }
}

async function ask(call: Call, circumstances: Circumstances): Promise<Reply> {
  const { endpoint, signal, fetch, emit } = circumstances;
  const provider = providerFor(endpoint?.kind ?? "builtin");
  const asked = checkCall(call);
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(TIMED_OUT), call.timeoutMs);
  const context: Context = {
    signal: AbortSignal.any([signal, timer.signal]),
    fetch,
    emit,
    idempotencyKey: call.idempotencyKey,
    instance: endpoint?.instance ?? NOWHERE,
  };
  try {
    const reply = await provider.execute(asked, context);
    checkResult(call, reply.result);
    return reply;
  } catch (thrown) {
    throw timer.signal.aborted ? timeoutError(call) : thrown;
  } finally {
    clearTimeout(timeout);
  }
}

function providerFor(kind: string): Provider {
  const provider = findProvider(kind);
  if (provider === undefined)
    throw new GleitzeitError("no_provider", `there is no provider of kind "${kind}"`);
  return provider;
}

/** References have become values by now: what the checker could not judge is judged here. */
function checkCall({ protocol, method, params: bytes }: Call): ProviderCall {
  const params = decodeJson(bytes);
  if (!isJsonObject(params)) throw new GleitzeitError("invalid_params", "params must be an object");
  const spec = findMethod(protocol, method, params["server"] !== undefined);
  if (spec === undefined) {
    throw new GleitzeitError("unknown_method", `protocol ${protocol} has no method "${method}"`);
  }
  const [first] = checkAgainstSchema(spec.params, params, { name: "params" });
  if (first !== undefined) throw new GleitzeitError("invalid_params", first.message);
  return { protocol, method, params };
}

function checkResult({ protocol, method }: Call, result: Json): void {
  const spec = findMethod(protocol, method);
  const [first] = spec === undefined ? [] : checkAgainstSchema(spec.result, result, { name: "result" });
  if (first !== undefined) throw new GleitzeitError("invalid_result", first.message);
}

function encodeResult(result: Json): Uint8Array {
  const bytes = encodeJson(result);
  if (bytes.byteLength <= LIMITS.resultBytes) return bytes;
  const message = `the result is ${bytes.byteLength} bytes, at most ${LIMITS.resultBytes} are kept`;
  throw new GleitzeitError("result_too_large", message);
}

function timeoutError(call: Call): GleitzeitError {
  return new GleitzeitError("timeout", `no answer within the task's timeout of ${call.timeoutMs / 1000} s`);
}

function describe(call: Call, thrown: unknown): TaskError {
  const code = codeOf(thrown);
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  const message = code === "internal" ? `${call.method} broke: ${said}` : said;
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
