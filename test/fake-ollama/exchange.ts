/** What the fake is asked and answers, and how a test steers it. */
import type { ServerResponse } from "node:http";
import { isJsonObject, type JsonObject } from "../../src/contract/json.ts";

/** What was asked of a model. Times are `performance.now()`; `endedAt` is there once the answer has gone or broke off. */
export type FakeRequest = {
  path: string;
  body: JsonObject;
  startedAt: number;
  endedAt?: number;
  /** The caller left before the end. */
  aborted?: boolean;
};

export type FakeReply =
  | string
  | { content?: string; thinking?: string; tool_calls?: JsonObject[]; done_reason?: string };

/** Instead of an answer: an HTTP error, or a stream that ends after so many tokens, with an error line or without. */
export type FakeFailure =
  | { status: number; error: string; headers?: Record<string, string> }
  | { afterTokens: number; error?: string };

/**
 * What goes wrong: an error; no answer at all; a connection that is reset after some tokens, or before the headers;
 * a page of something else; too many requests.
 */
export type Trouble = "500" | "hang" | "reset" | "refuse" | "junk" | "429";

export type FakeOptions = {
  /** Names without a tag mean `latest`. Default: llama3.2, llava. */
  models?: string[];
  /** What can be pulled; default: whatever is asked for. */
  library?: string[];
  reply?: (request: FakeRequest) => FakeReply;
  /** Before the first token, or the embeddings. */
  replyDelayMs?: number;
  tokenDelayMs?: number;
  /** Questions to models beyond so many at a time are 503, as Ollama's are beyond OLLAMA_MAX_QUEUE. */
  maxConcurrent?: number;
  /** Asked for each request, lists and version included. `count`: requests for that path, this one included. */
  trouble?: (request: { path: string; count: number }) => Trouble | undefined;
  /** Default: any that is free. */
  port?: number;
  /** `count` is how many questions to models there have been, this one included. */
  fail?: (request: FakeRequest, count: number) => FakeFailure | undefined;
};

/** What one fake works with. `calls`: requests by path, whatever became of them. */
export type Shop = Required<Omit<FakeOptions, "port" | "library">> & {
  library: string[] | undefined;
  requests: FakeRequest[];
  calls: Record<string, number>;
  running: number;
  loaded: Set<string>;
};

/** The text of the last message, or the prompt. */
export function promptOf({ body }: FakeRequest): string {
  const last = Array.isArray(body["messages"]) ? body["messages"].at(-1) : undefined;
  return String(isJsonObject(last) ? last["content"] : body["prompt"]);
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: JsonObject,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
  response.end(JSON.stringify(body));
}
