/** An answer as a stream of events (SSE): messages one by one, and where to go on if it breaks off. */
import { createParser } from "eventsource-parser";
import { LIMITS } from "../../contract/limits.ts";
import { junkAnswer, tooLarge } from "../failure.ts";
import type { Reach } from "../provider.ts";
import { readPieces } from "../read.ts";
import { findMessage, type Message } from "./message.ts";

/** `lastEventId` is there where the server can go on from it; it wants us to wait `retryMs` before. */
export type Resumption = { lastEventId?: string; retryMs: number };

// All events of one answer. Progress of an hour is far less, and none of it is kept.
const STREAM_BYTES = 8 * LIMITS.resultBytes;
// What stands around a result in its event.
const ENVELOPE_CHARS = 64 * 1024;

export async function* readMessages(
  reach: Reach,
  response: Response,
  resumption: Resumption,
): AsyncGenerator<Message> {
  const events: string[] = [];
  let isTooLarge = false;
  const parser = createParser({
    maxBufferSize: LIMITS.resultBytes + ENVELOPE_CHARS,
    onEvent: ({ id, event = "message", data }) => {
      if (id !== undefined && id !== "") resumption.lastEventId = id;
      // The first event is often empty: it is there for its id.
      if (event === "message" && data !== "") events.push(data);
    },
    onRetry: (retryMs) => {
      resumption.retryMs = Math.min(retryMs, RETRY_MAX_MS);
    },
    onError: ({ type }) => {
      isTooLarge ||= type === "max-buffer-size-exceeded";
    },
  });
  const decoder = new TextDecoder();
  for await (const piece of readPieces(reach, response, STREAM_BYTES)) {
    parser.feed(decoder.decode(piece, { stream: true }));
    if (isTooLarge) throw tooLarge(reach, LIMITS.resultBytes);
    for (const data of events.splice(0)) yield messageIn(reach, data);
  }
}

const RETRY_MAX_MS = 60_000;

function messageIn(reach: Reach, data: string): Message {
  const found = findMessage(data);
  if (found === undefined) throw junkAnswer(reach, "an MCP message", data);
  return found;
}
