/**
 * How a projection becomes rows and is put together again.
 * A document is cut into texts that fit a row; the first lies in the row of `runs`, so that most runs need no other.
 */
import { decodeJson, encodeJson } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { omitInputs, type RunSummary, runSummary } from "../contract/run.ts";
import type { Projection } from "./run-history.ts";
import type { runs } from "./tables.ts";

export type RunRow = typeof runs.$inferInsert;

/** Half a row, since the summary lies in it too: at most some 300 KiB by the limits of its members. */
const HEAD_BYTES = LIMITS.rowBytes / 2;
// What lists show of inputs: as much as of metadata. A page of 200 is read into memory at once.
const LISTED_INPUT_BYTES = LIMITS.metadataBytes;

const encoder = new TextEncoder();
// A part may begin with what looks like a byte order mark and is a character of somebody's text.
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** What of a projection is written, as texts: tags are there twice, and a summary whose inputs are not listed too. */
export function measureProjection({ summary, document }: Projection): number {
  const inputBytes = encodeJson(summary.inputs).length;
  const whole = bytesOf(summary);
  const listed = inputBytes > LISTED_INPUT_BYTES ? bytesOf(withoutInputs(summary, inputBytes)) : 0;
  return whole + listed + encodeJson(summary.tags).length + document.length;
}

const bytesOf = (summary: RunSummary): number => encoder.encode(JSON.stringify(summary)).length;

/** A projection's row, and the texts of its parts from 1. */
export function cutProjection({ revision, summary, document }: Projection): { row: RunRow; parts: string[] } {
  const inputBytes = encodeJson(summary.inputs).length;
  const whole = inputBytes > LISTED_INPUT_BYTES ? encoder.encode(JSON.stringify(summary)) : new Uint8Array();
  const [head = "", ...parts] = cutText(whole.length === 0 ? document : join([whole, document]));
  const row = {
    id: summary.id,
    revision,
    status: summary.status,
    workflow: summary.workflow.name,
    createdAt: Date.parse(summary.createdAt),
    finishedAt: summary.finishedAt === undefined ? null : Date.parse(summary.finishedAt),
    summary: whole.length === 0 ? summary : withoutInputs(summary, inputBytes),
    summaryBytes: whole.length,
    document: head,
  };
  return { row, parts };
}

/** The inverse of {@link cutProjection}; `texts` are the row's `document` and the parts in order. */
export function joinProjection(
  row: { summary: RunSummary; summaryBytes: number },
  texts: string[],
): { summary: RunSummary; document: Uint8Array } {
  const bytes = join(texts.map((text) => encoder.encode(text)));
  if (row.summaryBytes === 0) return { summary: row.summary, document: bytes };
  const summary = runSummary.parse(decodeJson(bytes.subarray(0, row.summaryBytes)));
  return { summary, document: bytes.subarray(row.summaryBytes) };
}

function withoutInputs(summary: RunSummary, inputBytes: number): RunSummary {
  const note = `${inputBytes} bytes of inputs are not listed; GET /v1/runs/${summary.id} has them`;
  return omitInputs(summary, note);
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

function join(pieces: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
