/** What history keeps of an ended run beside its summary, so that it can answer when the run's object is gone. */
import type { JournalEntry } from "../contract/event.ts";
import { encodeJson, type Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { resultBytesOf } from "../engine/outputs.ts";
import type { Run, Task } from "../engine/run.ts";
import type { ReadResult } from "../engine/turn.ts";
import { recordTask } from "../engine/view.ts";

/** `{tasks, journal}`; results stay out where they would make it larger than one batch. */
export function documentOf(run: Run, journal: Iterable<JournalEntry>, read: ReadResult): Uint8Array {
  const all = [...run.tasks.values()];
  const isLarge = all.reduce((sum, task) => sum + resultBytesOf(task), 0) > LIMITS.historyBatchBytes / 2;
  const tasks = all.map((task) =>
    isLarge ? recordTask(task) : { ...recordTask(task), ...resultOf(task, read) },
  );
  return encodeJson({ tasks, journal: [...journal] } as unknown as Json);
}

function resultOf({ plan, state }: Task, read: ReadResult): { result?: Json } {
  return state.status === "completed" ? { result: read(plan.spec.id, state.attempt) } : {};
}
