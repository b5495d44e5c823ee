/** What follows from the end of an attempt: retries, the tasks it releases or takes down, the end of the run. */
import { makeTaskError, type TaskError } from "../contract/error.ts";
import type { RunEvent, Tried } from "../contract/event.ts";
import { CAPACITY } from "../contract/limits.ts";
import type { AttemptRef, Ended, Outcome } from "../contract/sync.ts";
import { nextAttempt, releaseOffer, returnsInRow } from "./offers.ts";
import { checkOutputs } from "./outputs.ts";
import { park } from "./ready.ts";
import { delayBefore, mayRepeatLost, mayRetry } from "./retry.ts";
import { isDone, isFinal, lastAttempt, type Task, taskOf } from "./run.ts";
import { drop, emit, type Turn } from "./turn.ts";

/** Takes what a session reports of an attempt, or of an offer it gives back. What comes too late changes nothing. */
export function settle(turn: Turn, ended: Ended, session: string): void {
  const task = turn.run.tasks.get(ended.taskId);
  if (task === undefined) return;
  if (isOffered(turn, task, ended, session)) return settleOffer(turn, task, ended.outcome, session);
  // The number alone is not enough: an offer that was forgotten and made to another session has the same.
  const last = lastAttempt(task);
  if (last?.number !== ended.attempt || last.session !== session) return;
  if (last.end === undefined) return settleLive(turn, task, ended.outcome);
  if (ended.outcome.kind === "completed" && isGivenUp(task)) {
    complete(turn, task, ended.attempt, ended.outcome);
  }
}

/** The attempt's executor is not heard of any more. */
export function lose(turn: Turn, task: Task): void {
  const attempt = lastAttempt(task)?.number ?? 0;
  const error = makeTaskError("attempt_lost", `the executor of attempt ${attempt} stopped answering`);
  if (!mayRepeatLost(task)) return fail(turn, task, error, attempt);
  postpone(turn, task, { outcome: "lost", delayMs: 0, error });
}

/** Where an attempt ended, and where it was tried before. */
type Where = { instance?: string | undefined; tried?: Tried[] | undefined };

/** Ends an attempt as failed: tried again where the rules allow it, else for good. */
export function failAttempt(
  turn: Turn,
  task: Task,
  error: TaskError,
  more: Where & { retryAfterMs?: number | undefined } = {},
): void {
  if (!mayRetry(task, error)) return fail(turn, task, error, lastAttempt(task)?.number, more);
  const delayMs = delayBefore(task.plan, turn.run.definition.id, task.tries + 1, more.retryAfterMs);
  postpone(turn, task, { outcome: "failed", delayMs, error, where: more });
}

/** What failed is said here, for every way to fail: a message that is read alone names its task. */
function named(task: Task, error: TaskError): TaskError {
  return { ...error, message: `task "${task.plan.spec.id}": ${error.message}` };
}

/** A task failed for good. Without `attempt` it failed before one began. */
export function fail(
  turn: Turn,
  task: Task,
  error: TaskError,
  attempt: number | undefined,
  where: Where = {},
): void {
  const { spec } = task.plan;
  emit(turn, {
    type: "task.failed",
    taskId: spec.id,
    error: named(task, error),
    ...(attempt === undefined ? {} : { attempt }),
    ...placed(where),
  });
  if (spec.allowFailure) return queueReleased(turn, task);
  if (turn.run.definition.workflow.onFailure === "skip_dependents") return skipDependents(turn, task);
  endRun(turn, { type: "run.failed", error: failureOf([task]) });
}

/** Ends the run at once, whatever its tasks are doing. */
export function endRun(turn: Turn, event: RunEvent): void {
  for (const task of turn.run.tasks.values()) {
    if (isFinal(task)) continue;
    drop(turn, task);
    emit(turn, { type: "task.cancelled", taskId: task.plan.spec.id });
  }
  emit(turn, event);
}

/** Ends the run when none of its tasks has anything left to do. */
export function endWhenDone(turn: Turn): void {
  const { run } = turn;
  if (run.unfinished > 0 || (run.state.status !== "running" && run.state.status !== "paused")) return;
  const failed = [...run.tasks.values()].filter((task) => task.state.status === "failed" && !isDone(task));
  if (failed.length > 0) return emit(turn, { type: "run.failed", error: failureOf(failed) });
  const error = checkOutputs(run, turn.read);
  emit(turn, error === undefined ? { type: "run.completed" } : { type: "run.failed", error });
}

/** Queues a task whose dependencies are all done. */
export function queueIfReady(turn: Turn, task: Task): void {
  const isReady = task.state.status === "waiting" && task.state.blockers === 0;
  if (isReady) emit(turn, { type: "task.queued", taskId: task.plan.spec.id });
}

function settleLive(turn: Turn, task: Task, outcome: Outcome): void {
  switch (outcome.kind) {
    case "completed":
      return complete(turn, task, lastAttempt(task)?.number ?? 0, outcome);
    case "failed":
      return failAttempt(turn, task, outcome.error, outcome);
    case "returned": {
      const tried = outcome.tried ?? [];
      // Given back again and again it would be tried for ever, and never count.
      if (tried.length > 0 && returnsInRow(task) >= CAPACITY.returns) return failReturned(turn, task, tried);
      const why = tried.at(-1)?.message ?? outcome.reason;
      const error = makeTaskError("unavailable", `the executor gave it back (${why})`);
      return postpone(turn, task, { outcome: "returned", delayMs: 0, error, where: outcome });
    }
    default:
      throw new Error(`unknown outcome ${JSON.stringify(outcome satisfies never)}`);
  }
}

function failReturned(turn: Turn, task: Task, tried: Tried[]): void {
  const places = tried.map(({ instance, message }) => `${instance}: ${message}`).join("; ");
  const error = makeTaskError("provider_unavailable", `it failed wherever there was room (${places})`);
  failAttempt(turn, task, error, { tried });
}

function complete(
  turn: Turn,
  task: Task,
  attempt: number,
  outcome: Extract<Outcome, { kind: "completed" }>,
): void {
  const taskId = task.plan.spec.id;
  turn.fresh.set(taskId, outcome.result);
  emit(turn, {
    type: "task.completed",
    taskId,
    attempt,
    bytes: outcome.result.byteLength,
    ...placed(outcome),
    ...(outcome.usage === undefined ? {} : { usage: outcome.usage }),
  });
  queueReleased(turn, task);
}

type Postponement = {
  outcome: "failed" | "lost" | "returned";
  delayMs: number;
  error: TaskError;
  where?: Where;
};

function postpone(turn: Turn, task: Task, { outcome, delayMs, error, where = {} }: Postponement): void {
  const taskId = task.plan.spec.id;
  const attempt = lastAttempt(task)?.number ?? 0;
  emit(turn, {
    type: "task.retrying",
    taskId,
    attempt,
    outcome,
    delayMs,
    error: named(task, error),
    ...placed(where),
  });
  if (delayMs === 0) emit(turn, { type: "task.queued", taskId });
}

/** The keys of events that say where: absent where there is nothing to say. */
function placed({ instance, tried }: Where): { instance?: string; tried?: Tried[] } {
  return {
    ...(instance === undefined ? {} : { instance }),
    ...(tried === undefined || tried.length === 0 ? {} : { tried }),
  };
}

function queueReleased(turn: Turn, task: Task): void {
  for (const id of task.plan.dependents) queueIfReady(turn, taskOf(turn.run, id));
}

function skipDependents(turn: Turn, failed: Task): void {
  const open = [failed];
  for (let task = open.pop(); task !== undefined; task = open.pop()) {
    for (const id of task.plan.dependents) {
      const dependent = taskOf(turn.run, id);
      if (isFinal(dependent)) continue;
      emit(turn, {
        type: "task.skipped",
        taskId: id,
        reason: { kind: "dependency", taskId: failed.plan.spec.id },
      });
      open.push(dependent);
    }
  }
}

/** An offer for which there is no slot: none is free now, or there will be none and an attempt has failed. */
function settleOffer(turn: Turn, task: Task, outcome: Outcome, session: string): void {
  if (outcome.kind === "returned") {
    releaseOffer(turn.run, task);
    if (outcome.reason === "parked") park(turn.run.live.ready, task.plan, turn.now);
    return;
  }
  const taskId = task.plan.spec.id;
  emit(turn, { type: "task.started", taskId, attempt: nextAttempt(task), session });
  settleLive(turn, task, outcome);
}

function isOffered(turn: Turn, task: Task, ref: AttemptRef, session: string): boolean {
  return turn.run.live.offers.get(ref.taskId) === session && ref.attempt === nextAttempt(task);
}

/**
 * The attempt was declared lost or timed out while its executor was still at it: its result is still welcome. Not in
 * another generation, which knows of no such attempt: what the task depends on may have been made anew.
 */
function isGivenUp(task: Task): boolean {
  if (task.tries + task.losses === 0) return false;
  const end = lastAttempt(task)?.end;
  const isWaiting = task.state.status === "retrying" || task.state.status === "queued";
  return isWaiting && (end?.status === "lost" || (end?.status === "failed" && end.error.code === "timeout"));
}

const NAMED = 3;

function failureOf(failed: Task[]): TaskError {
  const names = failed.slice(0, NAMED).map((task) => {
    return task.state.status === "failed" ? task.state.error.message : task.plan.spec.id;
  });
  const more = failed.length > NAMED ? `; and ${failed.length - NAMED} more` : "";
  return makeTaskError("task_failed", names.join("; ") + more, {
    tasks: failed.slice(0, 100).map((task) => task.plan.spec.id),
  });
}
