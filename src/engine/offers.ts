/**
 * Offers: a task with a need is lent to a session while that asks the hub for a slot. They live in memory only;
 * one that is forgotten (the object was evicted) is taken up again when its session mentions it.
 */
import type { AttemptRef } from "../contract/sync.ts";
import { dequeue, enqueue } from "./ready.ts";
import { type Run, sessionOf, type Task } from "./run.ts";

export const nextAttempt = (task: Task): number => task.attempts.length + 1;

export function offer(run: Run, task: Task, session: string, now: number): void {
  const { id } = task.plan.spec;
  dequeue(run.live.ready, task.plan);
  run.live.offers.set(id, session);
  sessionOf(run, session, now).offers.add(id);
}

/** The task is ready for everybody again. */
export function releaseOffer(run: Run, task: Task): void {
  const { id } = task.plan.spec;
  const session = run.live.offers.get(id);
  if (session === undefined) return;
  run.live.offers.delete(id);
  run.live.sessions.get(session)?.offers.delete(id);
  enqueue(run.live.ready, task.plan);
}

/** Whether the session may go on with what it believes was offered to it, as this attempt. */
export function isOpenFor(run: Run, task: Task, ref: AttemptRef, session: string): boolean {
  if (task.state.status !== "queued" || ref.attempt !== nextAttempt(task)) return false;
  return (run.live.offers.get(ref.taskId) ?? session) === session;
}
