/** What is answered of a run, from wherever it lies: from its object, or from the record that history keeps of it. */
import { GleitzeitError } from "../contract/error.ts";
import type { JournalEntry } from "../contract/event.ts";
import { encodeJson, type Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { hasEnded, omitInputs } from "../contract/run.ts";
import type { Run } from "../engine/run.ts";
import type { ReadResult } from "../engine/turn.ts";
import { summarizeRun, viewRun, viewTask } from "../engine/view.ts";
import type { RunRpc, View } from "../stubs.ts";
import type { Stored } from "./definition.ts";
import { encodeRun, encodeTask } from "./encode-view.ts";
import type { JournalRow } from "./run-storage.ts";

/** What of a run is read: the half of its door that an archived run has too. */
export type RunReading = Pick<
  RunRpc,
  "steer" | "view" | "task" | "workflow" | "results" | "journal" | "follow"
>;

export type Readable = { run: Run; stored: Stored; read: ReadResult };

export function answerView({ run, stored, read }: Readable): View {
  return { status: run.state.status, body: encodeRun(viewRun(run, stored, read)) };
}

export function answerTask({ run, read }: Readable, idOrName: string): Uint8Array {
  const found = run.find(idOrName);
  if (found !== undefined) return encodeTask(viewTask(run, found, read));
  throw new GleitzeitError("not_found", `run ${run.definition.id} has no task "${idOrName}"`);
}

export function answerWorkflow({ stored }: Readable): Uint8Array {
  return encodeJson(stored.workflow as Json);
}

/** What lists show, as JSON. Inputs beyond what they show are in the run's own view. */
export function answerSummary({ run, stored }: Omit<Readable, "read">): Uint8Array {
  const summary = summarizeRun(run, stored);
  const inputBytes = encodeJson(summary.inputs).byteLength;
  const note = `${inputBytes} bytes of inputs are not listed; GET /v1/runs/${summary.id} has them`;
  return encodeJson((inputBytes > LIMITS.metadataBytes ? omitInputs(summary, note) : summary) as Json);
}

/** A page of the journal. */
export function takePage(journal: Iterable<JournalEntry>, limit: number): JournalEntry[] {
  const page: JournalEntry[] = [];
  for (const entry of journal) {
    if (page.length >= limit) break;
    page.push(entry);
  }
  return page;
}

/** Rows of the journal as clients get them. */
export function* entriesOf(
  rows: Iterable<JournalRow>,
  runId: string,
  afterSeq: number,
): Generator<JournalEntry> {
  for (const row of rows) {
    const at = new Date(row.at).toISOString();
    for (const [index, event] of row.events.entries()) {
      const seq = row.seq + index;
      if (seq > afterSeq) yield { seq, at, runId, ...event };
    }
  }
}

/** The run has ended and whoever has everything up to here has all there is. */
export function isOverAt(run: Run, seq: number): boolean {
  return hasEnded(run.state.status) && seq >= run.seq;
}
