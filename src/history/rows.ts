/**
 * How a projection becomes rows and is put together again.
 * A record is cut into texts that fit a row; the first lies in the row of `runs`, so that most runs need no other.
 */
import { LIMITS } from "../contract/limits.ts";
import type { Projection } from "./run-history.ts";
import type { runs } from "./tables.ts";

export type RunRow = typeof runs.$inferInsert;

/** Half a row, since the summary lies in it too: at most some 300 KiB by the limits of its members. */
const HEAD_BYTES = LIMITS.rowBytes / 2;

const encoder = new TextEncoder();
// A part may begin with what looks like a byte order mark and is a character of somebody's text.
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** A projection's row, and the texts of its parts from 1. */
export function cutProjection(
  { revision, summary, record }: Projection,
  seenAt: number,
): { row: RunRow; parts: string[] } {
  const [head = "", ...parts] = cutText(record);
  const row = {
    id: summary.id,
    revision,
    status: summary.status,
    workflow: summary.workflow.name,
    createdAt: Date.parse(summary.createdAt),
    finishedAt: summary.finishedAt === undefined ? null : Date.parse(summary.finishedAt),
    seenAt,
    recordBytes: record.length,
    summary,
    record: head,
  };
  return { row, parts };
}

/** The record of which {@link cutProjection} made these texts: the row's own, then the parts in order. */
export function joinRecord(texts: readonly string[]): Uint8Array {
  const pieces = texts.map((text) => encoder.encode(text));
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1) return only;
  const whole = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function cutText(bytes: Uint8Array): string[] {
  const texts: string[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = cutBefore(bytes, start + (start === 0 ? HEAD_BYTES : LIMITS.rowBytes));
    texts.push(decoder.decode(bytes.subarray(start, end)));
    start = end;
  }
  return texts;
}

/** The greatest place to cut that is not after `most` and not within a character, which has 4 bytes at most. */
function cutBefore(bytes: Uint8Array, most: number): number {
  if (most >= bytes.length) return bytes.length;
  let end = most;
  while (end > most - 3 && isContinuation(bytes[end])) end--;
  return end;
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
