/**
 * Offers: a task with a need is lent to a session while that asks the hub for a slot. They live in memory only;
 * one that is forgotten (the object was evicted) is taken up again when its session mentions it.
 */
import type { AttemptRef, SlotAnswer } from "../contract/sync.ts";
import { dequeue, enqueue, keepSlot, openLane, priorityAfterKept } from "./ready.ts";
import { isRunning, lastAttempt, type Run, sessionOf, type Task, taskOf } from "./run.ts";

export const nextAttempt = (task: Task): number => task.attempts.length + 1;

export function offer(run: Run, task: Task, session: string, now: number): void {
  const { id } = task.plan.spec;
  dequeue(run.live.ready, task.plan);
  run.live.offers.set(id, session);
  sessionOf(run, session, now).offers.add(id);
}

/** Where the last attempt failed: the next goes to another instance where there is one. */
export function instancesToAvoid(task: Task): string[] {
  const last = lastAttempt(task);
  if (last?.end?.status !== "failed" && last?.end?.status !== "returned") return [];
  const failed = last.end.status === "failed" && last.instance !== undefined ? [last.instance] : [];
  return [...new Set([...last.tried.map(({ instance }) => instance), ...failed])];
}

/** The task is ready for everybody again. */
export function releaseOffer(run: Run, task: Task): void {
  const { id } = task.plan.spec;
  const offered = run.live.offers.get(id);
  if (offered === undefined) return;
  run.live.offers.delete(id);
  run.live.sessions.get(offered)?.offers.delete(id);
  enqueue(run.live.ready, task.plan);
}

/** The hub keeps a slot for the lane, or says that waiting for one is over. */
export function takeSlotWord(run: Run, { lane, isKept }: { lane: string; isKept: boolean }): void {
  if (isKept) keepSlot(run.live.ready, lane, countOffered(run, lane));
  else openLane(run.live.ready, lane);
}

/**
 * What the run says to a slot that the hub keeps for this lane. It has a use for it where a task is ready, or one has
 * asked and not heard yet; and for more of them where others are ready too.
 */
export function answerSlot(run: Run, lane: string): SlotAnswer {
  if (!isRunning(run)) return { isWanted: false };
  const next = priorityAfterKept(run.live.ready, lane);
  const isWanted = (run.live.ready.get(lane)?.members.size ?? 0) > 0 || countOffered(run, lane) > 0;
  return next === undefined ? { isWanted } : { isWanted, next };
}

const countOffered = (run: Run, lane: string): number =>
  [...run.live.offers.keys()].filter((id) => taskOf(run, id).plan.lane === lane).length;

/** Whether the session may go on with what it believes was offered to it, as this attempt. */
export function isOpenFor(run: Run, task: Task, ref: AttemptRef, session: string): boolean {
  if (task.state.status !== "queued" || ref.attempt !== nextAttempt(task)) return false;
  return (run.live.offers.get(ref.taskId) ?? session) === session;
}
