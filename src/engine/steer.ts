/** What people ask of a run: start, cancel, pause, resume, retry. Asking twice is asking once. */
import { GleitzeitError } from "../contract/error.ts";
import { hasEnded } from "../contract/run.ts";
import { tasksToRepeat } from "./repeat.ts";
import type { Run } from "./run.ts";
import { endRun, queueIfReady } from "./settle.ts";
import { emit, type Turn } from "./turn.ts";

/** Why a command cannot be carried out; undefined: it was. */
type Refusal = GleitzeitError | undefined;

export function start(turn: Turn, actor: string): void {
  if (turn.run.state.status !== "pending") return;
  emit(turn, { type: "run.started", actor });
  for (const task of turn.run.tasks.values()) queueIfReady(turn, task);
}

export function cancel(turn: Turn, actor: string): Refusal {
  const { status } = turn.run.state;
  if (status === "cancelled") return undefined;
  if (hasEnded(status)) return refuse(turn.run, "cancelled");
  endRun(turn, { type: "run.cancelled", actor });
  return undefined;
}

export function pause(turn: Turn, actor: string): Refusal {
  const { status } = turn.run.state;
  if (status === "paused") return undefined;
  if (status !== "running") return refuse(turn.run, "paused");
  emit(turn, { type: "run.paused", actor });
  return undefined;
}

export function resume(turn: Turn, actor: string): Refusal {
  const { status } = turn.run.state;
  if (status === "running") return undefined;
  if (status !== "paused") return refuse(turn.run, "resumed");
  emit(turn, { type: "run.resumed", actor });
  return undefined;
}

export function retry(turn: Turn, actor: string, from: string | undefined): Refusal {
  const { run } = turn;
  const first = from === undefined ? undefined : run.find(from);
  if (from !== undefined && first === undefined) {
    return new GleitzeitError("not_found", `run ${run.definition.id} has no task "${from}"`);
  }
  if (!hasEnded(run.state.status)) return refuse(run, "retried");
  const again = tasksToRepeat(run, first);
  // A run fails with all its tasks done when its outputs do not resolve: without `from` nothing would change.
  if (again.size === 0) return refuse(run, "retried without naming the task to begin from");
  const generation = run.generation + 1;
  emit(turn, { type: "run.retried", generation, actor, ...(first === undefined ? {} : { from: first }) });
  for (const task of again) queueIfReady(turn, task);
  return undefined;
}

function refuse(run: Run, what: string): GleitzeitError {
  const { status } = run.state;
  const message = `run ${run.definition.id} is ${status}: it cannot be ${what}`;
  return new GleitzeitError("conflict", message, { details: { status } });
}
