/** One command being decided: the run, the time, what was decided so far. */
import type { RunEvent } from "../contract/event.ts";
import { decodeJson, type Json } from "../contract/json.ts";
import { attemptKey, type Push } from "../contract/sync.ts";
import { apply } from "./apply.ts";
import { lastAttempt, type Run, type Task } from "./run.ts";

/** Reads the stored result of a completed attempt. */
export type ReadResult = (taskId: string, attempt: number) => Json;

export type Environment = { readonly now: number; readonly read: ReadResult };

export type Turn = {
  readonly run: Run;
  readonly now: number;
  readonly events: RunEvent[];
  /** Attempts that executors still carry out and nobody wants any more, by session. */
  readonly drops: Map<string, Push>;
  readonly read: ReadResult;
  /** Results that arrive in this very command: they are not stored yet. */
  readonly fresh: Map<string, Uint8Array>;
};

export function makeTurn(run: Run, environment: Environment): Turn {
  const fresh = new Map<string, Uint8Array>();
  // A result that many tasks refer to is parsed once in a turn, however large it is.
  const values = new Map<string, Json>();
  const read: ReadResult = (taskId, attempt) => {
    const key = attemptKey({ taskId, attempt });
    const known = values.get(key);
    if (known !== undefined) return known;
    const bytes = fresh.get(taskId);
    const value = bytes === undefined ? environment.read(taskId, attempt) : decodeJson(bytes);
    values.set(key, value);
    return value;
  };
  return { run, now: environment.now, events: [], drops: new Map(), read, fresh };
}

/** Decides an event, and applies it at once: the next decision rests on it. */
export function emit(turn: Turn, event: RunEvent): void {
  turn.events.push(event);
  apply(turn.run, event, turn.now);
}

/** Remembers that the executor of this task's live attempt, if there is one, must be told to stop. */
export function drop(turn: Turn, task: Task): void {
  const attempt = lastAttempt(task);
  if (attempt === undefined || attempt.end !== undefined) return;
  const { session, number } = attempt;
  const push = turn.drops.get(session) ?? { session, drop: [], follow: turn.run.live.followed };
  push.drop.push({ taskId: task.plan.spec.id, attempt: number });
  turn.drops.set(session, push);
}
