/** /api/chat and /api/generate: a text token by token, headers with the first of them, counts with the last. */
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { isJsonObject, type JsonObject } from "../../src/contract/json.ts";
import {
  type FakeFailure,
  type FakeReply,
  type FakeRequest,
  promptOf,
  type Shop,
  sendJson,
} from "./exchange.ts";

type Stop = Extract<FakeFailure, { afterTokens: number }>;
type Piece = { content: string; thinking: string; tool_calls?: JsonObject[] };

export async function generate(
  shop: Shop,
  request: FakeRequest,
  response: ServerResponse,
  stop: Stop | undefined,
): Promise<void> {
  if (isEmpty(request))
    return sendJson(response, 200, lineOf(request, nothing, { done: true, done_reason: "load" }));
  const { pieces, doneReason } = piecesOf(shop.reply(request), request);
  await pause(shop.replyDelayMs);
  if (request.body["stream"] === false) {
    await pause(shop.tokenDelayMs * pieces.length);
    return sendJson(response, 200, lineOf(request, joined(pieces), endOf(request, pieces, doneReason)));
  }
  for (const piece of pieces.slice(0, stop?.afterTokens)) {
    await pause(shop.tokenDelayMs);
    if (response.destroyed) return;
    await writeLine(response, lineOf(request, piece, { done: false }));
  }
  if (stop === undefined) {
    await writeLine(response, lineOf(request, nothing, endOf(request, pieces, doneReason)));
  } else if (stop.error === undefined) {
    return void response.socket?.resetAndDestroy();
  } else {
    await writeLine(response, { error: stop.error });
  }
  response.end();
}

const nothing: Piece = { content: "", thinking: "" };

/** Ollama loads the model and says nothing. */
function isEmpty({ path, body }: FakeRequest): boolean {
  const { messages = [], prompt = "" } = body;
  return path === "/api/chat" ? Array.isArray(messages) && messages.length === 0 : prompt === "";
}

function piecesOf(reply: FakeReply, { body }: FakeRequest): { pieces: Piece[]; doneReason: string } {
  const whole = typeof reply === "string" ? { content: reply } : reply;
  const limit = isJsonObject(body["options"]) ? body["options"]["num_predict"] : undefined;
  const tokens = tokensOf(whole.content ?? "");
  const said = typeof limit === "number" && limit >= 0 ? tokens.slice(0, limit) : tokens;
  const pieces: Piece[] = tokensOf(whole.thinking ?? "").map((thinking) => ({ content: "", thinking }));
  pieces.push(...said.map((content) => ({ content, thinking: "" })));
  if (whole.tool_calls !== undefined) pieces.push({ ...nothing, tool_calls: whole.tool_calls });
  return { pieces, doneReason: whole.done_reason ?? (said.length < tokens.length ? "length" : "stop") };
}

const tokensOf = (text: string): string[] => text.match(/\s*\S+|\s+$/g) ?? [];

function joined(pieces: Piece[]): Piece {
  const calls = pieces.flatMap((piece) => piece.tool_calls ?? []);
  return {
    content: pieces.map((piece) => piece.content).join(""),
    thinking: pieces.map((piece) => piece.thinking).join(""),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  };
}

function lineOf({ path, body }: FakeRequest, piece: Piece, end: JsonObject): JsonObject {
  const head = { model: body["model"] ?? "", created_at: new Date().toISOString() };
  const { content, thinking, tool_calls } = piece;
  const more = {
    ...(thinking === "" ? {} : { thinking }),
    ...(tool_calls === undefined ? {} : { tool_calls }),
  };
  if (path === "/api/generate") return { ...head, response: content, ...more, ...end };
  return { ...head, message: { role: "assistant", content, ...more }, ...end };
}

/** Durations are nanoseconds. */
function endOf(request: FakeRequest, pieces: Piece[], doneReason: string): JsonObject {
  const total = Math.round((performance.now() - request.startedAt) * 1e6);
  return {
    done: true,
    done_reason: doneReason,
    ...(request.path === "/api/generate" ? { context: [1, 2, 3] } : {}),
    total_duration: total,
    load_duration: 1_000_000,
    prompt_eval_count: tokensOf(promptOf(request)).length,
    prompt_eval_duration: 1_000_000,
    eval_count: pieces.length,
    eval_duration: total,
  };
}

/** Resolves when the line is on its way: what is destroyed before takes it along. */
export async function writeLine(response: ServerResponse, line: JsonObject): Promise<void> {
  if (response.destroyed) return;
  if (!response.headersSent) response.writeHead(200, { "content-type": "application/x-ndjson" });
  await new Promise<void>((sent) => response.write(`${JSON.stringify(line)}\n`, () => sent()));
}

export async function pause(waitMs: number): Promise<void> {
  if (waitMs > 0) await delay(waitMs);
}
