/** One call at one instance: params checked, provider called, result checked. */
import { GleitzeitError } from "../contract/error.ts";
import { decodeJson, encodeJson, isJsonObject, type Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { ProtocolMethod } from "../contract/protocol.ts";
import type { CallEnd, Instance } from "../contract/sync.ts";
import { quote } from "../providers/failure.ts";
import { findProvider } from "../providers/index.ts";
import type {
  Context,
  Endpoint,
  Progress,
  Provider,
  Call as ProviderCall,
  Reply,
  Sibling,
} from "../providers/provider.ts";
import { checkAgainstSchema } from "../spec/schema.ts";
import { findTooDeep } from "../spec/value-depth.ts";
import type { Call } from "./session.ts";
import { judge, type Verdict } from "./verdict.ts";

/** What a call needs of its executor. */
export type CallCircumstances = {
  /** Gives an instance with its secret headers. */
  open: (instance: Instance) => Promise<Endpoint>;
  /** Fires when nobody wants the result any more. */
  signal: AbortSignal;
  fetch: typeof fetch;
  emit: (text: string) => void;
  report: (progress: Progress) => void;
  siblings: () => Promise<Sibling[]>;
};

export type Done = { bytes: Uint8Array; usage: Reply["usage"]; end: CallEnd };

/** One call at one instance. What was never sent says nothing of the instance. */
export async function tryOnce(
  instance: Instance | undefined,
  call: Call,
  spec: ProtocolMethod | undefined,
  circumstances: CallCircumstances,
  timedOut: AbortSignal,
): Promise<Done | Verdict> {
  const startedAt = Date.now();
  let sentAt = startedAt;
  let isSent = false;
  let isAnswered = false;
  const fetch: CallCircumstances["fetch"] = async (...request) => {
    // Some calls are several requests: it is the last one that is waited for.
    [isSent, isAnswered, sentAt] = [true, false, Date.now()];
    const response = await circumstances.fetch(...request);
    isAnswered = true;
    return response;
  };
  try {
    const { bytes, usage } = await tryAt(instance, call, spec, { ...circumstances, fetch }, timedOut);
    return { bytes, usage, end: { kind: "answered", latencyMs: Date.now() - startedAt } };
  } catch (thrown) {
    const reason = timedOut.aborted ? timeoutError(call) : thrown;
    const latencyMs = Date.now() - startedAt;
    const { method, isOnce = false } = call;
    const waitedMs = Date.now() - sentAt;
    return judge(reason, { method, spec, isOnce, latencyMs, waitedMs, isSent, isAnswered });
  }
}

const HERE: Endpoint = { id: "builtin", url: "" };

async function tryAt(
  instance: Instance | undefined,
  call: Call,
  spec: ProtocolMethod | undefined,
  circumstances: CallCircumstances,
  timedOut: AbortSignal,
): Promise<Omit<Done, "end">> {
  const { open, signal, fetch, emit, report, siblings } = circumstances;
  const provider = providerFor(instance?.kind ?? "builtin");
  const asked = checkCall(call, spec);
  const endpoint = instance === undefined ? HERE : await open(instance);
  const context: Context = {
    signal: AbortSignal.any([signal, timedOut]),
    fetch,
    emit,
    // Some servers say our requests back.
    report: (progress) => report(cleaned(endpoint, progress)),
    siblings,
    idempotencyKey: call.idempotencyKey,
    instance: endpoint,
  };
  const { result, usage } = await provider.execute(asked, context);
  checkResult(spec, result, endpoint);
  return { bytes: encodeResult(result), usage };
}

function cleaned(instance: Endpoint, progress: Progress): Progress {
  const { message } = progress;
  return message === undefined ? progress : { ...progress, message: quote({ instance }, message) };
}

function providerFor(kind: string): Provider {
  const provider = findProvider(kind);
  if (provider === undefined)
    throw new GleitzeitError("no_provider", `there is no provider of kind "${kind}"`);
  return provider;
}

/** References have become values by now: what the checker could not judge is judged here. */
function checkCall(
  { protocol, method, params: bytes }: Call,
  spec: ProtocolMethod | undefined,
): ProviderCall {
  const params = decodeJson(bytes);
  if (!isJsonObject(params)) throw new GleitzeitError("invalid_params", "params must be an object");
  if (spec === undefined) {
    throw new GleitzeitError("unknown_method", `protocol ${protocol} has no method "${method}"`);
  }
  const [first] = checkAgainstSchema(spec.params, params, { name: "params" });
  if (first !== undefined) throw new GleitzeitError("invalid_params", first.message);
  return { protocol, method, params };
}

/** The message quotes what was said, and some servers say requests back. */
function checkResult(spec: ProtocolMethod | undefined, result: Json, instance: Endpoint): void {
  if (findTooDeep(result, LIMITS.resultDepth) !== undefined) {
    const message = `the result is nested more than ${LIMITS.resultDepth} levels deep`;
    throw new GleitzeitError("invalid_result", message);
  }
  const [first] = spec === undefined ? [] : checkAgainstSchema(spec.result, result, { name: "result" });
  if (first !== undefined) throw new GleitzeitError("invalid_result", quote({ instance }, first.message));
}

function encodeResult(result: Json): Uint8Array {
  const bytes = encodeJson(result);
  if (bytes.byteLength <= LIMITS.resultBytes) return bytes;
  const message = `the result is ${bytes.byteLength} bytes, at most ${LIMITS.resultBytes} are kept`;
  throw new GleitzeitError("result_too_large", message);
}

export function timeoutError(call: Call): GleitzeitError {
  return new GleitzeitError("timeout", `no answer within the task's timeout of ${call.timeoutMs / 1000} s`);
}
