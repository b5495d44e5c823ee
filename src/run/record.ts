/**
 * The record of a run that has ended: what its object keeps, as one JSON text. History keeps it, and answers from it when
 * the object is gone; so it is all there is, or nothing.
 */
import { decodeJson, type Json } from "../contract/json.ts";
import type { Run } from "../engine/run.ts";
import type { Stored } from "./definition.ts";
import type { JournalRow } from "./run-storage.ts";

export type RunRecord = {
  definition: Stored;
  journal: JournalRow[];
  /** Of the tasks that completed, the last one each. */
  results: { taskId: string; attempt: number; result: Json }[];
};

/** Where the parts of a record are read: the run's storage. */
type Source = {
  readDefinition(): Uint8Array | undefined;
  readJournal(afterSeq: number): Iterable<JournalRow>;
  readResultBytes(taskId: string, attempt: number): Uint8Array;
};

/** JSON in UTF-8; empty where it would be more than `most` bytes: such a run stays in its object. */
export function encodeRecord(run: Run, source: Source, most: number): Uint8Array {
  return joinWithin(piecesOf(run, source), most) ?? new Uint8Array();
}

/** Trusts the bytes: this file made them. */
export function parseRecord(bytes: Uint8Array): RunRecord {
  return decodeJson(bytes) as unknown as RunRecord;
}

/** Made as they are asked for: what does not fit is not read to its end. */
function* piecesOf(run: Run, source: Source): Generator<Uint8Array> {
  yield encoder.encode('{"definition":');
  yield source.readDefinition() ?? new Uint8Array();
  yield* listOf("journal", source.readJournal(0), (row) => [encoder.encode(JSON.stringify(row))]);
  yield* listOf("results", run.tasks, function* ([taskId, { state }]) {
    if (state.status !== "completed") return;
    const { attempt } = state;
    yield encoder.encode(`{"taskId":${JSON.stringify(taskId)},"attempt":${attempt},"result":`);
    yield source.readResultBytes(taskId, attempt);
    yield encoder.encode("}");
  });
  yield encoder.encode("}");
}

/** What gives no piece is not in the list. */
function* listOf<Item>(
  name: string,
  items: Iterable<Item>,
  piecesOfItem: (item: Item) => Iterable<Uint8Array>,
): Generator<Uint8Array> {
  yield encoder.encode(`,"${name}":[`);
  let isFirst = true;
  for (const item of items) {
    let isBegun = false;
    for (const piece of piecesOfItem(item)) {
      if (!isBegun && !isFirst) yield COMMA;
      isBegun = true;
      isFirst = false;
      yield piece;
    }
  }
  yield encoder.encode("]");
}

const encoder = new TextEncoder();
const COMMA = encoder.encode(",");

/** The pieces as one; undefined where that is more than `most` bytes. */
function joinWithin(pieces: Iterable<Uint8Array>, most: number): Uint8Array | undefined {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    bytes += piece.byteLength;
    if (bytes > most) return undefined;
    kept.push(piece);
  }
  const joined = new Uint8Array(bytes);
  let at = 0;
  for (const piece of kept) {
    joined.set(piece, at);
    at += piece.byteLength;
  }
  return joined;
}
