/** A run whose object is gone, read from its record by the very code that reads it from its object. */
import { GleitzeitError } from "../contract/error.ts";
import { encodeJson } from "../contract/json.ts";
import { apply } from "../engine/apply.ts";
import { decide } from "../engine/decide.ts";
import { makeRun } from "../engine/run.ts";
import { replyWith } from "../reply.ts";
import type { Steering, View } from "../stubs.ts";
import {
  answerTask,
  answerView,
  answerWorkflow,
  entriesOf,
  isOverAt,
  type Readable,
  type RunReading,
  takePage,
} from "./answers.ts";
import { parseRecord, type RunRecord } from "./record.ts";
import { streamResults } from "./results.ts";
import { Watch } from "./watch.ts";

export function openArchived(record: Uint8Array): RunReading {
  const { definition: stored, journal, results } = parseRecord(record);
  const run = makeRun(stored);
  for (const { at, events } of journal) for (const event of events) apply(run, event, at);
  const resultOf = findResult(results);
  const archived: Readable = { run, stored, read: resultOf };
  const readJournal = (afterSeq: number) => entriesOf(journal, stored.id, afterSeq);
  const readResultBytes = (taskId: string, attempt: number) => encodeJson(resultOf(taskId, attempt));
  return {
    view: () => replyWith(() => answerView(archived)),
    task: (_, taskId) => replyWith(() => answerTask(archived, taskId)),
    workflow: () => replyWith(() => answerWorkflow(archived)),
    results: () => replyWith(() => streamResults(run, { readResultBytes })),
    journal: (_, afterSeq, limit) => replyWith(() => takePage(readJournal(afterSeq), limit)),
    follow: (_, afterSeq) =>
      replyWith(() => new Watch({ read: readJournal, isOver: (seq) => isOverAt(run, seq) }).follow(afterSeq)),
    steer: (_, command) => replyWith(() => answerSteering(archived, command)),
  };
}

function findResult(results: RunRecord["results"]): Readable["read"] {
  const byTask = new Map(results.map(({ taskId, result }) => [taskId, result]));
  return (taskId) => byTask.get(taskId) ?? null;
}

/** Nothing can be changed any more; what asks for no change is answered as the object would. */
function answerSteering(archived: Readable, command: Steering): View {
  const { run, read } = archived;
  if (command.type === "retry") {
    const message = `run ${run.definition.id} is only in history any more and cannot be retried; start it again: GET …/workflow has what it ran`;
    throw new GleitzeitError("conflict", message);
  }
  const { refusal } = decide(run, command, { now: run.clock.startedAt, read });
  if (refusal !== undefined) throw refusal;
  return answerView(archived);
}
