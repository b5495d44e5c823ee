/**
 * Applies one event to a run, in place. The only code that changes what a run remembers: replaying a journal through
 * it gives the same run. It never judges; what may happen is decided elsewhere.
 */
import type { EventOf, RunEvent, Tried } from "../contract/event.ts";
import { TIMING } from "../contract/limits.ts";
import { dequeue, enqueue } from "./ready.ts";
import { tasksToRepeat } from "./repeat.ts";
import {
  type AttemptEnd,
  lastAttempt,
  type Run,
  sessionOf,
  type Task,
  type TaskState,
  taskOf,
} from "./run.ts";

export function apply(run: Run, event: RunEvent, at: number): void {
  run.seq++;
  switch (event.type) {
    case "run.started":
      run.startedAt = at;
      run.clock = { startedAt: at, pausedMs: 0 };
      run.state = { status: "running" };
      return;
    case "run.paused":
      run.state = { status: "paused", since: at };
      return;
    case "run.resumed":
      if (run.state.status === "paused") run.clock.pausedMs += Math.max(0, at - run.state.since);
      run.state = { status: "running" };
      return;
    case "run.retried":
      return repeat(run, event, at);
    case "run.completed":
      run.state = { status: "completed", at };
      return;
    case "run.failed":
      run.state = { status: "failed", at, error: event.error };
      return;
    case "run.cancelled":
      run.state = { status: "cancelled", at };
      return;
    case "task.queued":
      return queue(run, taskOf(run, event.taskId));
    case "task.started":
      return begin(run, taskOf(run, event.taskId), event, at);
    case "task.completed":
      return complete(run, taskOf(run, event.taskId), event, at);
    case "task.retrying":
      return postpone(run, taskOf(run, event.taskId), event, at);
    case "task.failed":
      return fail(run, taskOf(run, event.taskId), event, at);
    case "task.skipped":
      return finish(run, taskOf(run, event.taskId), { status: "skipped", reason: event.reason, at });
    case "task.cancelled": {
      const task = taskOf(run, event.taskId);
      endAttempt(run, task, { status: "cancelled", at }, {});
      return finish(run, task, { status: "cancelled", at });
    }
    default:
      throw new Error(`unknown event ${JSON.stringify(event satisfies never)}`);
  }
}

function queue(run: Run, task: Task): void {
  task.state = { status: "queued" };
  enqueue(run.live.ready, task.plan);
}

function begin(run: Run, task: Task, event: EventOf<"task.started">, at: number): void {
  const { taskId, attempt, session, instance } = event;
  leaveQueue(run, task);
  task.attempts.push({ number: attempt, session, instance, tried: [], startedAt: at, end: undefined });
  task.state = { status: "running" };
  run.running++;
  sessionOf(run, session, at).attempts.add(taskId);
  run.live.deadlines.push({ at: at + task.plan.timeoutMs + TIMING.timeoutGraceMs, taskId, attempt });
}

function complete(run: Run, task: Task, event: EventOf<"task.completed">, at: number): void {
  endAttempt(run, task, { status: "completed", at, bytes: event.bytes, usage: event.usage }, event);
  task.tries++;
  task.triesEver++;
  finish(run, task, { status: "completed", attempt: event.attempt, at });
  unblockDependents(run, task);
}

function postpone(run: Run, task: Task, event: EventOf<"task.retrying">, at: number): void {
  const { outcome, error, delayMs, taskId, attempt } = event;
  endAttempt(run, task, { status: outcome, at, error }, event);
  if (outcome === "failed") {
    task.tries++;
    task.triesEver++;
  }
  if (outcome !== "returned") task.losses = outcome === "lost" ? task.losses + 1 : 0;
  task.state = { status: "retrying", since: at, dueAt: at + delayMs, error };
  run.live.retries.push({ at: at + delayMs, taskId, attempt });
}

function fail(run: Run, task: Task, event: EventOf<"task.failed">, at: number): void {
  if (event.attempt !== undefined) {
    const status = event.error.code === "attempt_lost" ? "lost" : "failed";
    endAttempt(run, task, { status, at, error: event.error }, event);
    task.tries++;
    task.triesEver++;
  }
  finish(run, task, { status: "failed", error: event.error, at });
  if (task.plan.spec.allowFailure) unblockDependents(run, task);
}

function finish(run: Run, task: Task, state: TaskState): void {
  leaveQueue(run, task);
  task.state = state;
  run.unfinished--;
}

type Where = { instance?: string | undefined; tried?: Tried[] | undefined };

/** An attempt that was given up (lost, timed out) gets a new end when its true one arrives after all. */
function endAttempt(run: Run, task: Task, end: AttemptEnd, where: Where): void {
  const attempt = lastAttempt(task);
  if (attempt === undefined) return;
  if (attempt.end === undefined) {
    run.running--;
    run.live.sessions.get(attempt.session)?.attempts.delete(task.plan.spec.id);
  } else if (end.status !== "completed") {
    return;
  }
  attempt.end = end;
  attempt.instance = where.instance ?? attempt.instance;
  attempt.tried = where.tried ?? attempt.tried;
}

function leaveQueue(run: Run, task: Task): void {
  const { id } = task.plan.spec;
  dequeue(run.live.ready, task.plan);
  const offeredTo = run.live.offers.get(id);
  if (offeredTo === undefined) return;
  run.live.offers.delete(id);
  run.live.sessions.get(offeredTo)?.offers.delete(id);
}

function unblockDependents(run: Run, task: Task): void {
  for (const id of task.plan.dependents) {
    const { state } = taskOf(run, id);
    if (state.status === "waiting") state.blockers--;
  }
}

function repeat(run: Run, event: EventOf<"run.retried">, at: number): void {
  const again = tasksToRepeat(run, event.from);
  run.generation = event.generation;
  // Cancelled before it started, a run starts now.
  run.startedAt ??= at;
  run.clock = { startedAt: at, pausedMs: 0 };
  run.state = { status: "running" };
  for (const task of again) {
    const blockers = task.plan.spec.dependencies.filter((id) => again.has(taskOf(run, id))).length;
    task.state = { status: "waiting", blockers };
    task.tries = 0;
    task.losses = 0;
  }
  run.unfinished = again.size;
}
