/** Time: when a run must be looked at next, and what is due when it is. */
import { makeTaskError } from "../contract/error.ts";
import { giveUpInvitations, impatientAt } from "./invite.ts";
import { nextUnpark, unpark } from "./ready.ts";
import { isActive, isRunning, lastAttempt, type Run, type Session, type Task, taskOf } from "./run.ts";
import { endRun, failAttempt, lose } from "./settle.ts";
import { closeSession } from "./sync.ts";
import { drop, emit, type Turn } from "./turn.ts";

/**
 * The earliest time at which something becomes due, or infinity. The run's alarm is never later: that is why nothing
 * hangs. Leases and patience need no storage for it, they begin anew with every load.
 */
export function nextDue(run: Run): number {
  if (!isActive(run)) return Number.POSITIVE_INFINITY;
  return Math.min(
    nextRetry(run),
    nextDeadline(run),
    nextLease(run),
    nextUnpark(run.live.ready),
    impatientAt(run),
    timeoutAt(run),
  );
}

/** Does all that is due. */
export function expire(turn: Turn): void {
  const { run, now } = turn;
  if (!isActive(run)) return;
  if (now >= timeoutAt(run)) return timeOutRun(turn);
  expireDeadlines(turn);
  expireLeases(turn);
  expireRetries(turn);
  unpark(run.live.ready, now);
  if (now >= impatientAt(run)) giveUpInvitations(run);
}

function timeOutRun(turn: Turn): void {
  const { workflow } = turn.run.definition;
  const message = `the run was not done after ${workflow.timeout} s`;
  endRun(turn, { type: "run.failed", error: makeTaskError("run_timeout", message) });
}

function timeoutAt(run: Run): number {
  // A paused run has all the time there is.
  if (!isRunning(run)) return Number.POSITIVE_INFINITY;
  return run.clock.startedAt + run.clock.pausedMs + run.definition.workflow.timeout * 1000;
}

function expireRetries(turn: Turn): void {
  while (nextRetry(turn.run) <= turn.now) {
    const entry = turn.run.live.retries.pop();
    if (entry !== undefined) emit(turn, { type: "task.queued", taskId: entry.taskId });
  }
}

function nextRetry(run: Run): number {
  const { retries } = run.live;
  let first = retries.peek();
  while (first !== undefined && !isWaitingFor(taskOf(run, first.taskId), first)) {
    retries.pop();
    first = retries.peek();
  }
  return first?.at ?? Number.POSITIVE_INFINITY;
}

function isWaitingFor({ state }: Task, entry: { at: number }): boolean {
  return state.status === "retrying" && state.dueAt === entry.at;
}

/** An executor times its calls itself; this is for one that does not. */
function expireDeadlines(turn: Turn): void {
  while (nextDeadline(turn.run) <= turn.now) {
    const entry = turn.run.live.deadlines.pop();
    if (entry === undefined) return;
    const task = taskOf(turn.run, entry.taskId);
    const message = `attempt ${entry.attempt} took longer than its timeout of ${task.plan.timeoutMs / 1000} s`;
    drop(turn, task);
    failAttempt(turn, task, makeTaskError("timeout", message));
  }
}

function nextDeadline(run: Run): number {
  const { deadlines } = run.live;
  let first = deadlines.peek();
  while (first !== undefined && !isAttemptLive(taskOf(run, first.taskId), first.attempt)) {
    deadlines.pop();
    first = deadlines.peek();
  }
  return first?.at ?? Number.POSITIVE_INFINITY;
}

function isAttemptLive(task: Task, attempt: number): boolean {
  const last = lastAttempt(task);
  return last?.number === attempt && last.end === undefined;
}

function expireLeases(turn: Turn): void {
  const { run, now } = turn;
  for (const [name, session] of run.live.sessions) {
    if (now >= leaseEnd(run, session)) loseSession(turn, name);
  }
}

/** Nothing more is expected of the session: what it has is lost, what it was offered is free. */
export function loseSession(turn: Turn, name: string): void {
  const { run } = turn;
  const session = run.live.sessions.get(name);
  if (session === undefined) return;
  for (const id of [...session.attempts]) {
    // The loss of one may have ended the run, and with it the others.
    if (!session.attempts.has(id)) continue;
    drop(turn, taskOf(run, id));
    lose(turn, taskOf(run, id));
  }
  closeSession(run, name, session);
}

function nextLease(run: Run): number {
  let next = Number.POSITIVE_INFINITY;
  for (const session of run.live.sessions.values()) {
    if (isBusy(session)) next = Math.min(next, leaseEnd(run, session));
  }
  return next;
}

const isBusy = ({ attempts, offers }: Session): boolean => attempts.size + offers.size > 0;
const leaseEnd = (run: Run, session: Session): number => session.seenAt + run.leaseMs;
