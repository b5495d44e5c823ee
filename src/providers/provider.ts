/** What a provider is: one kind of server that carries calls out, reached by `fetch` alone. */
import type { Usage } from "../contract/event.ts";
import type { Json, JsonObject } from "../contract/json.ts";

/** `method` is the full name; `params` were checked against the protocol. */
export type Call = { protocol: string; method: string; params: JsonObject };

/** `headers` may hold secrets: they are sent, and never shown. */
export type Endpoint = { id: string; url: string; headers?: Record<string, string> };

/** What it takes to speak with an instance. */
export type Reach = {
  /** When it fires, whatever waits rejects at once with the signal's reason. */
  signal: AbortSignal;
  /** The executor's: it lets six calls wait for headers at a time. */
  fetch: typeof fetch;
  instance: Endpoint;
};

/** `emit` takes the answer's text as it comes. */
export type Context = Reach & { emit(text: string): void; idempotencyKey: string };

export type Reply = { result: Json; usage?: Usage };

/** `reason` says what is wrong and what to do. */
export type Health = { healthy: true; version?: string } | { healthy: false; reason: string };

export type Tool = { name: string; description: string; inputSchema: JsonObject };
export type Description = { models?: string[]; tools?: Tool[]; version?: string };

/**
 * One kind of provider. `execute` and `describe` throw a `ProviderError`, or the signal's reason; `health` throws
 * only the latter.
 */
export type Provider = {
  kind: string;
  execute(call: Call, context: Context): Promise<Reply>;
  health(reach: Reach): Promise<Health>;
  describe(reach: Reach): Promise<Description>;
};
