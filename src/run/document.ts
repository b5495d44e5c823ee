/**
 * What history keeps of a run: its summary, and of one that has ended a document that can answer when the run's object
 * is gone. Both have a limit: what a run has written of errors alone may be a hundred times what RPC carries.
 */
import type { JournalEntry } from "../contract/event.ts";
import { encodeJson, type Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { hasEnded, omitInputs, type TaskDetail } from "../contract/run.ts";
import type { Run, Task } from "../engine/run.ts";
import type { ReadResult } from "../engine/turn.ts";
import { type Labels, mapError, recordTask, shorten, summarizeRun, withoutDetails } from "../engine/view.ts";

/** The summary as JSON. Large inputs go once, when the run has ended: they never change, and each projection is paid. */
export function summaryOf(run: Run, labels: Labels): Uint8Array {
  const summary = summarizeRun(run, labels);
  const inputBytes = encodeJson(summary.inputs).byteLength;
  // What a body can hold may be longer when written again (1e20 is 100000000000000000000), longer than RPC carries.
  const most = hasEnded(summary.status) ? LIMITS.bodyBytes : LIMITS.metadataBytes;
  const note = `${inputBytes} bytes of inputs are not listed; GET /v1/runs/${summary.id} has them`;
  return encodeJson((inputBytes > most ? omitInputs(summary, note) : summary) as Json);
}

/** What is left out until the rest fits, in this order, and where else it is. */
const OMISSIONS = [
  { what: "details", note: "details of errors: GET /v1/runs/{id}/events has them" },
  { what: "results", note: "results: GET /v1/runs/{id}/results has them" },
  { what: "journal", note: "the journal: GET /v1/runs/{id}/events has it" },
  { what: "attempts", note: "attempts: GET /v1/runs/{id}/tasks/{taskId} has them" },
  { what: "tasks", note: "tasks: GET /v1/runs/{id} has them" },
] as const;

type Omission = (typeof OMISSIONS)[number]["what"];
type Source = { run: Run; readJournal: () => Iterable<JournalEntry>; read: ReadResult };

/** `{omitted, tasks, journal}` in at most `LIMITS.historyBatchBytes`; `omitted` are notes on what was left out. */
export function documentOf(
  run: Run,
  readJournal: () => Iterable<JournalEntry>,
  read: ReadResult,
): Uint8Array {
  for (let count = 0; count <= OMISSIONS.length; count++) {
    const pieces = piecesOf({ run, readJournal, read }, OMISSIONS.slice(0, count));
    const document = joinWithin(pieces, LIMITS.historyBatchBytes);
    if (document !== undefined) return document;
  }
  throw new Error(`run ${run.definition.id}: nothing is left to omit`);
}

/** Made as they are asked for: what does not fit is not read to its end. */
function* piecesOf(
  { run, readJournal, read }: Source,
  omissions: readonly { what: Omission; note: string }[],
) {
  const omitted = new Set(omissions.map(({ what }) => what));
  yield `{"omitted":${JSON.stringify(omissions.map(({ note }) => note))}`;
  if (!omitted.has("tasks")) yield* listOf("tasks", describeTasks(run, read, omitted));
  if (!omitted.has("journal")) yield* listOf("journal", describeJournal(readJournal(), omitted));
  yield "}";
}

function* listOf(name: string, items: Iterable<object>): Generator<string> {
  let separator = "";
  yield `,"${name}":[`;
  for (const item of items) {
    yield separator + JSON.stringify(item);
    separator = ",";
  }
  yield "]";
}

function* describeTasks(run: Run, read: ReadResult, omitted: ReadonlySet<Omission>): Generator<TaskDetail> {
  for (const task of run.tasks.values()) {
    const result = omitted.has("results") ? {} : resultOf(task, read);
    yield { ...lighten(recordTask(task), omitted), ...result };
  }
}

function* describeJournal(journal: Iterable<JournalEntry>, omitted: ReadonlySet<Omission>) {
  for (const entry of journal) {
    yield "error" in entry && omitted.has("details") ? mapError(entry, withoutDetails) : entry;
  }
}

function lighten(task: TaskDetail, omitted: ReadonlySet<Omission>): TaskDetail {
  if (omitted.has("attempts")) return { ...mapError(task, shorten), attempts: [] };
  if (!omitted.has("details")) return task;
  const attempts = task.attempts.map((attempt) => mapError(attempt, withoutDetails));
  return { ...mapError(task, withoutDetails), attempts };
}

function resultOf({ plan, state }: Task, read: ReadResult): { result?: Json } {
  return state.status === "completed" ? { result: read(plan.spec.id, state.attempt) } : {};
}

const encoder = new TextEncoder();

/** The texts as one, in UTF-8; undefined where that is more than `most` bytes. */
function joinWithin(texts: Iterable<string>, most: number): Uint8Array | undefined {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for (const text of texts) {
    const piece = encoder.encode(text);
    bytes += piece.byteLength;
    if (bytes > most) return undefined;
    pieces.push(piece);
  }
  const joined = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.byteLength;
  }
  return joined;
}
