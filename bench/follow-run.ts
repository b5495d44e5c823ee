/** A run as its follower sees it: how soon the first event comes, and how soon the last. */
import { EventSourceParserStream } from "eventsource-parser/stream";
import * as z from "zod";
import type { JsonObject } from "../src/contract/json.ts";
import { submit } from "./start-run.ts";

const timed = z.object({ at: z.iso.datetime() });

export type Followed = {
  /** From submitting, which is a request of its own. */
  firstMs: number;
  /** From what the run itself says of when it ended, in whole milliseconds of this machine's clock. */
  lastMs: number;
};

export async function followRun(url: string, workflow: JsonObject): Promise<Followed> {
  const began = clock();
  const id = await submit(url, workflow);
  const { firstAt, last, lastAt } = await followToEnd(`${url}/v1/runs/${id}/events`);
  return {
    firstMs: firstAt - began,
    lastMs: Math.max(0, lastAt - Date.parse(timed.parse(JSON.parse(last)).at)),
  };
}

/** When events came, and what the last one said; the service closes the stream after it. */
async function followToEnd(url: string): Promise<{ firstAt: number; last: string; lastAt: number }> {
  const { body, status } = await fetch(url, { headers: { accept: "text/event-stream" } });
  if (status !== 200 || body === null) throw new Error(`${url}: ${status} instead of events`);
  const seen = { firstAt: Number.NaN, last: "", lastAt: Number.NaN };
  for await (const { data } of body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())) {
    seen.lastAt = clock();
    seen.last = data;
    if (Number.isNaN(seen.firstAt)) seen.firstAt = seen.lastAt;
  }
  return seen;
}

/** Milliseconds since 1970, with fractions. */
const clock = (): number => performance.timeOrigin + performance.now();
