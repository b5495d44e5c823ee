/**
 * Carries out one attempt: params checked, provider called, result checked. A call that fails at one instance may go to
 * the next within the attempt. Its end is always an outcome.
 */
import { GleitzeitError, makeTaskError } from "../contract/error.ts";
import type { Tried } from "../contract/event.ts";
import { decodeJson, encodeJson, isJsonObject, type Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { ProtocolMethod } from "../contract/protocol.ts";
import type { CallEnd, Instance, Outcome } from "../contract/sync.ts";
import { quote } from "../providers/failure.ts";
import { findProvider } from "../providers/index.ts";
import { findMethod } from "../providers/protocols/index.ts";
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

/** Where a call that failed may go: another instance; nowhere now, since those that are left are busy; nowhere. */
export type Next = { kind: "granted"; instance: Instance } | { kind: "parked" } | { kind: "refused" };

export type Circumstances = {
  /** Where to; undefined: a task that needs no provider. */
  instance: Instance | undefined;
  /** Gives an instance with its secret headers. */
  open: (instance: Instance) => Promise<Endpoint>;
  /** Gives the slot back after a failure, for another. */
  moveOn: (end: CallEnd) => Promise<Next>;
  /** Fires when nobody wants the result any more. */
  signal: AbortSignal;
  fetch: typeof fetch;
  emit: (text: string) => void;
  /** The text so far is void: the call is made again from its beginning. */
  restart: () => void;
  report: (progress: Progress) => void;
  siblings: () => Promise<Sibling[]>;
};

/** `end`: what the last call says of the instance it was made at. */
export type Carried = { outcome: Outcome; end: CallEnd };

const TIMED_OUT = Symbol("timed out");
const HERE: Endpoint = { id: "builtin", url: "" };

/** Never rejects. After `signal` fired its outcome is of no interest. */
export async function carryOut(call: Call, circumstances: Circumstances): Promise<Carried> {
  const timer = new AbortController();
  const timeout = setTimeout(() => timer.abort(TIMED_OUT), call.timeoutMs);
  try {
    return await carryOutSomewhere(call, circumstances, timer.signal);
  } finally {
    clearTimeout(timeout);
  }
}

async function carryOutSomewhere(
  call: Call,
  circumstances: Circumstances,
  timedOut: AbortSignal,
): Promise<Carried> {
  const spec = call.spec ?? findMethod(call.protocol, call.method, call.instance !== undefined);
  const over = AbortSignal.any([circumstances.signal, timedOut]);
  const tried: Tried[] = [];
  let { instance } = circumstances;
  for (;;) {
    const where = { ...(instance === undefined ? {} : { instance: instance.id }), ...given(tried) };
    const done = await tryOnce(instance, call, spec, circumstances, timedOut);
    if ("bytes" in done) return { outcome: completed(done, where), end: done.end };
    const end = circumstances.signal.aborted ? UNUSED : done.end;
    const failed = { outcome: failure(done, where), end };
    if (instance === undefined || !done.mayMove || tried.length + 1 >= LIMITS.instancesTried) return failed;
    const next = await nextUnlessOver(circumstances, end, over);
    // The old slot is gone. A new one that comes too late is given back unused.
    if (next === undefined) return { outcome: lateFailure(call, done, timedOut, where), end: UNUSED };
    if (next.kind === "refused") return { ...failed, end: UNUSED };
    tried.push(triedAt(instance, done));
    if (next.kind === "parked")
      return { outcome: { kind: "returned", reason: "no_slot", tried }, end: UNUSED };
    instance = next.instance;
    circumstances.restart();
  }
}

/** Where the call may go; undefined: its time is over, or nobody wants it any more. */
async function nextUnlessOver(
  { moveOn }: Circumstances,
  end: CallEnd,
  over: AbortSignal,
): Promise<Next | undefined> {
  if (over.aborted) return undefined;
  const { promise: ended, resolve } = Promise.withResolvers<undefined>();
  const leave = () => resolve(undefined);
  over.addEventListener("abort", leave);
  const next = await Promise.race([moveOn(end), ended]);
  over.removeEventListener("abort", leave);
  return over.aborted ? undefined : next;
}

const UNUSED: CallEnd = { kind: "unused" };

const given = (tried: Tried[]): { tried?: Tried[] } => (tried.length === 0 ? {} : { tried: [...tried] });

type Where = { instance?: string; tried?: Tried[] };

function completed({ bytes, usage }: Done, where: Where): Outcome {
  return { kind: "completed", result: bytes, ...(usage === undefined ? {} : { usage }), ...where };
}

/** Its time was over while it waited for another instance: that is how the attempt ended. */
function lateFailure(call: Call, done: Verdict, timedOut: AbortSignal, where: Where): Outcome {
  if (!timedOut.aborted) return failure(done, where);
  return failure({ ...done, error: makeTaskError("timeout", timeoutError(call).message) }, where);
}

function failure({ error, retryAfterMs }: Verdict, where: Where): Outcome {
  return { kind: "failed", error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }), ...where };
}

function triedAt({ id }: Instance, { error }: Verdict): Tried {
  return { instance: id, code: error.code, message: error.message.slice(0, LIMITS.shortMessageChars) };
}

type Done = { bytes: Uint8Array; usage: Reply["usage"]; end: CallEnd };

/** One call at one instance. What was never sent says nothing of the instance. */
async function tryOnce(
  instance: Instance | undefined,
  call: Call,
  spec: ProtocolMethod | undefined,
  circumstances: Circumstances,
  timedOut: AbortSignal,
): Promise<Done | Verdict> {
  const startedAt = Date.now();
  let isSent = false;
  let isAnswered = false;
  const fetch: Circumstances["fetch"] = async (...request) => {
    isSent = true;
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
    return judge(reason, { method, spec, isOnce, latencyMs, isSent, isAnswered });
  }
}

async function tryAt(
  instance: Instance | undefined,
  call: Call,
  spec: ProtocolMethod | undefined,
  circumstances: Circumstances,
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

function timeoutError(call: Call): GleitzeitError {
  return new GleitzeitError("timeout", `no answer within the task's timeout of ${call.timeoutMs / 1000} s`);
}
