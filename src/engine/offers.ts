/**
 * Offers: a task with a need is lent to a session while that asks the hub for a slot. They live in memory only;
 * one that is forgotten (the object was evicted) is taken up again when its session mentions it.
 */
import type { AttemptRef } from "../contract/sync.ts";
import { dequeue, enqueue } from "./ready.ts";
import { isRunning, type Run, sessionOf, type Task, taskOf } from "./run.ts";

export const nextAttempt = (task: Task): number => task.attempts.length + 1;

export function offer(run: Run, task: Task, session: string, now: number): void {
  const { id } = task.plan.spec;
  dequeue(run.live.ready, task.plan);
  run.live.offers.set(id, { session, at: now });
  sessionOf(run, session, now).offers.add(id);
}

/** The task is ready for everybody again. */
export function releaseOffer(run: Run, task: Task): void {
  const { id } = task.plan.spec;
  const offered = run.live.offers.get(id);
  if (offered === undefined) return;
  run.live.offers.delete(id);
  run.live.sessions.get(offered.session)?.offers.delete(id);
  enqueue(run.live.ready, task.plan);
}

/** Whether the run has a use for a slot of this lane: a task that is ready, or one that asked before it heard of it. */
export function wantsSlot(run: Run, lane: string): boolean {
  if (!isRunning(run)) return false;
  if ((run.live.ready.get(lane)?.members.size ?? 0) > 0) return true;
  return [...run.live.offers.keys()].some((id) => taskOf(run, id).plan.lane === lane);
}

/** Whether the session may go on with what it believes was offered to it, as this attempt. */
export function isOpenFor(run: Run, task: Task, ref: AttemptRef, session: string): boolean {
  if (task.state.status !== "queued" || ref.attempt !== nextAttempt(task)) return false;
  return (run.live.offers.get(ref.taskId)?.session ?? session) === session;
}
