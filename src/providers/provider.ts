/** What a provider is: one kind of server that carries calls out, reached by `fetch` alone. */
import type { Usage } from "../contract/event.ts";
import type { Json, JsonObject } from "../contract/json.ts";

/** `method` is the full name; `params` were checked against the protocol. */
export type Call = { protocol: string; method: string; params: JsonObject };

/** `headers` may hold secrets: they are sent, and never shown. `allowPull`: a model that is missing may be pulled. */
export type Endpoint = { id: string; url: string; headers?: Record<string, string>; allowPull?: boolean };

/** What it takes to speak with an instance. */
export type Reach = {
  /** When it fires, whatever waits rejects at once with the signal's reason. */
  signal: AbortSignal;
  /** The executor's: it lets six calls wait for headers at a time. */
  fetch: typeof fetch;
  instance: Endpoint;
};

/** How far a call is, in whatever the provider counts. */
export type Progress = { progress: number; total?: number; message?: string };

/** What is known of the instances of a protocol without asking them. */
export type Sibling = { id: string; models: string[]; tools: string[] };

/** `emit` takes the answer's text as it comes, `report` how far the call is. */
export type Context = Reach & {
  emit(text: string): void;
  report(progress: Progress): void;
  idempotencyKey: string;
  /** All instances of the protocol, this one included. Costs a question to the hub. */
  siblings(): Promise<Sibling[]>;
};

export type Reply = { result: Json; usage?: Usage };

/** `reason` says what is wrong and what to do. */
export type Health = { healthy: true; version?: string } | { healthy: false; reason: string };

export type Tool = { name: string; description: string; inputSchema: JsonObject };
/**
 * What an instance offers. `loaded` are the models in memory, of those in `models`. `server` is the name by which
 * replicas of one MCP server know each other. `maxConcurrent` is what the instance says it takes at a time.
 */
export type Description = {
  models?: string[];
  loaded?: string[];
  tools?: Tool[];
  server?: string;
  version?: string;
  maxConcurrent?: number;
};

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
