/**
 * A run's events over server-sent events, through broken connections: after each one it goes on behind the last
 * event that was given, so that nothing is lost and nothing comes twice.
 */
import { EventSourceParserStream } from "eventsource-parser/stream";
import type * as z from "zod";
import { GleitzeitError } from "../contract/error.ts";
import {
  type JournalEntry,
  journalEntry,
  type LiveEvent,
  progressEvent,
  tokenEvent,
} from "../contract/event.ts";
import type { RunId } from "../contract/id.ts";
import { hasEnded, type RunView } from "../contract/run.ts";
import { type Connection, send } from "./http.ts";
import { makePatience } from "./patience.ts";
import { trimTokens } from "./tokens.ts";

export type Followed = { connection: Connection; id: RunId; run: () => Promise<RunView> };

export async function* followEvents(
  followed: Followed,
  { after = 0, signal }: { after?: number; signal?: AbortSignal },
): AsyncGenerator<JournalEntry | LiveEvent, void> {
  const patience = makePatience(signal);
  const trim = trimTokens();
  let last = after;
  let hasSeenEnd = false;
  while (!signal?.aborted) {
    try {
      for await (const event of streamOnce(followed, last, signal)) {
        patience.restore();
        const fresh = isNew(event, last) ? (event.type === "task.token" ? trim(event) : event) : undefined;
        if (fresh === undefined) continue;
        if ("seq" in fresh) [last, hasSeenEnd] = [fresh.seq, END_EVENTS.has(fresh.type)];
        yield fresh;
      }
      // An ended run may be retried, so only the service knows that nothing follows: it closes the stream.
      if (hasSeenEnd) return;
      // Closed by something between, or because this follower fell behind, or there was nothing after `after`.
      hasSeenEnd = hasEnded((await followed.run()).status);
      if (!hasSeenEnd) await patience.wait(new GleitzeitError("unavailable", "the stream ended early"));
    } catch (error) {
      if (signal?.aborted) return;
      await patience.wait(error);
    }
  }
}

const isNew = (event: JournalEntry | LiveEvent, last: number): boolean =>
  !("seq" in event) || event.seq > last;

const END_EVENTS = new Set(["run.completed", "run.failed", "run.cancelled"]);

async function* streamOnce(
  { connection, id }: Followed,
  after: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<JournalEntry | LiveEvent, void> {
  const headers: Record<string, string> = { accept: "text/event-stream" };
  if (after > 0) headers["last-event-id"] = String(after);
  const { body } = await send(connection, `/v1/runs/${id}/events`, { headers, signal });
  if (body === null) return;
  const messages = body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
  // Not `for await` over the stream: browsers came to it late.
  const reader = messages.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      yield parseEvent(read.value.event, read.value.data);
    }
  } finally {
    await reader.cancel().catch(() => {}); // it may be broken already
  }
}

function parseEvent(type: string | undefined, data: string): JournalEntry | LiveEvent {
  const value: unknown = JSON.parse(data);
  const { data: event, error } = schemaOf(type).safeParse(value);
  if (event !== undefined) return event;
  const message = `event ${type}: this client does not understand it; is it older than the service?`;
  throw new GleitzeitError("invalid_result", message, { cause: error });
}

function schemaOf(type: string | undefined): z.ZodType<JournalEntry | LiveEvent> {
  if (type === "task.token") return tokenEvent;
  return type === "task.progress" ? progressEvent : journalEntry;
}
