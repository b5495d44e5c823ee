/**
 * Carries out one attempt. A call that fails at one instance may go to the next within the attempt. Its end is always an
 * outcome.
 */
import { makeTaskError } from "../contract/error.ts";
import type { Tried } from "../contract/event.ts";
import { LIMITS } from "../contract/limits.ts";
import type { CallEnd, Instance, Outcome } from "../contract/sync.ts";
import { findMethod } from "../providers/protocols/index.ts";
import { type CallCircumstances, type Done, timeoutError, tryOnce } from "./one-call.ts";
import type { Call } from "./session.ts";
import type { Verdict } from "./verdict.ts";

/** Where a call that failed may go: another instance; nowhere now, since those that are left are busy; nowhere. */
export type Next = { kind: "granted"; instance: Instance } | { kind: "parked" } | { kind: "refused" };

export type Circumstances = CallCircumstances & {
  /** Where to; undefined: a task that needs no provider. */
  instance: Instance | undefined;
  /** Gives the slot back after a failure, for another. */
  moveOn: (end: CallEnd) => Promise<Next>;
  /** The text so far is void: the call is made again from its beginning. */
  restart: () => void;
};

/** `end`: what the last call says of the instance it was made at. */
export type Carried = { outcome: Outcome; end: CallEnd };

const TIMED_OUT = Symbol("timed out");

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
