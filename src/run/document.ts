/** What history keeps of an ended run beside its summary, so that it can answer when the run's object is gone. */
import type { JournalEntry } from "../contract/event.ts";
import { encodeJson, type Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Run } from "../engine/run.ts";
import type { ReadResult } from "../engine/turn.ts";
import { viewTask } from "../engine/view.ts";

/** `{tasks, journal}`; results stay out where they would make it larger than one batch. A running run has none yet. */
export function documentOf(run: Run, journal: Iterable<JournalEntry>, read: ReadResult): Uint8Array {
  const isLarge = resultBytes(run) > LIMITS.historyBatchBytes / 2;
  const tasks = [...run.tasks.keys()].map((id) => {
    const { params: _, result, ...task } = viewTask(run, id, read);
    return isLarge || result === undefined ? task : { ...task, result };
  });
  return encodeJson({ tasks, journal: [...journal] } as unknown as Json);
}

function resultBytes(run: Run): number {
  let bytes = 0;
  for (const { state, attempts } of run.tasks.values()) {
    const end = state.status === "completed" ? attempts[state.attempt - 1]?.end : undefined;
    if (end?.status === "completed") bytes += end.bytes;
  }
  return bytes;
}
