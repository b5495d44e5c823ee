/** Errors that cross RPC: a thrown one would lose its code on the way. */
import { codeOf, GleitzeitError } from "./contract/error.ts";
import type { Reply } from "./stubs.ts";

/** What the call gives, or the error it throws, as data. What is not ours is thrown on. */
export async function replyWith<Value>(call: () => Value | Promise<Value>): Promise<Reply<Value>> {
  try {
    return { ok: true, value: await call() };
  } catch (error) {
    const code = codeOf(error);
    if (code === "internal" || !(error instanceof Error)) throw error;
    return { ok: false, code, message: error.message };
  }
}

/** The inverse, on the caller's side. */
export function unwrap<Value>(reply: Reply<Value>): Value {
  if (reply.ok) return reply.value;
  throw new GleitzeitError(reply.code, reply.message);
}
