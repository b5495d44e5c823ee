/** Attempts carried out by the very code that executors run, against real servers; only the hub is played. */
import { encodeJson, type JsonObject } from "../../src/contract/json.ts";
import type { ProtocolMethod } from "../../src/contract/protocol.ts";
import type { CallEnd, Instance, Outcome } from "../../src/contract/sync.ts";
import { type Carried, type Circumstances, carryOut, type Next } from "../../src/dispatch/attempt.ts";
import type { Call } from "../../src/dispatch/session.ts";

export const echo: Partial<Call> = { protocol: "echo/v1", method: "echo/echo" };
export const chat: Partial<Call> = { protocol: "llm/v1", method: "llm/chat" };
export const script: Partial<Call> = { protocol: "python/v1", method: "python/execute" };
export const HELLO = { model: "llama3.2", messages: [{ role: "user", content: "Hello" }] };

export function callOf(what: Partial<Call>, params: JsonObject): Call {
  return {
    kind: "call",
    taskId: "a",
    attempt: 1,
    protocol: "",
    method: "",
    params: encodeJson(params),
    timeoutMs: 10_000,
    idempotencyKey: "run_1:a:1",
    ...what,
  };
}

/** A method of a protocol that somebody registered. */
export function methodOf(more: Partial<ProtocolMethod> = {}): ProtocolMethod {
  return { description: "", params: { type: "object" }, result: {}, ...more };
}

/** A call of such a method, for servers of JSON-RPC. */
export const order = (more: Partial<ProtocolMethod> = {}): Call =>
  callOf({ protocol: "shop/v1", method: "shop/order", spec: methodOf(more) }, { item: "tea" });

export const at = (kind: string, url: string, id = "spark"): { instance: Instance } => ({
  instance: { id, kind, url },
});

/** `instance`: none, where the test does not say. There is no other instance either. */
export function carry(call: Call, more: Partial<Circumstances> = {}): Promise<Carried> {
  return carryOut(call, {
    instance: undefined,
    open: async ({ id, url, allowPull = false }) => ({ id, url, allowPull }),
    moveOn: async () => ({ kind: "refused" }),
    signal: new AbortController().signal,
    fetch,
    emit: () => {},
    restart: () => {},
    report: () => {},
    siblings: async () => [],
    ...more,
  });
}

export async function attempt(call: Call, more: Partial<Circumstances> = {}): Promise<Outcome> {
  return (await carry(call, more)).outcome;
}

/** A hub that says these one after the other; `ends` is what it was told of the calls before. */
export function hubThatSays(...says: (Next | { instance: Instance })[]) {
  const ends: CallEnd[] = [];
  const moveOn = async (end: CallEnd): Promise<Next> => {
    ends.push(end);
    const next = says.shift() ?? { kind: "refused" };
    return "kind" in next ? next : { kind: "granted", instance: next.instance };
  };
  return { ends, moveOn };
}

export const codeOf = (outcome: Outcome) => (outcome.kind === "failed" ? outcome.error.code : outcome.kind);
