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

export type FakeOptions = {
  /** Names without a tag mean `latest`. Default: llama3.2, llava. */
  models?: string[];
  reply?: (request: FakeRequest) => FakeReply;
  tokenDelayMs?: number;
  /** Default: any that is free. */
  port?: number;
  /** `count` is how many requests there have been, this one included. */
  fail?: (request: FakeRequest, count: number) => FakeFailure | undefined;
};

/** What one fake works with. */
export type Shop = Required<Omit<FakeOptions, "port">> & { requests: FakeRequest[]; loaded: Set<string> };

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
