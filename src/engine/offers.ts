/**
 * Offers: a task with a need is lent to a session while that asks the hub for a slot. They live in memory only;
 * one that is forgotten (the object was evicted) is taken up again when its session mentions it.
 */
import type { AttemptRef, SlotAnswer } from "../contract/sync.ts";
import { countKept, dequeue, enqueue, keepSlot, openLane, priorityAfterKept } from "./ready.ts";
import { isRunning, type Run, sessionOf, type Task, taskOf } from "./run.ts";

export const nextAttempt = (task: Task): number => task.attempts.length + 1;

export function offer(run: Run, task: Task, session: string, now: number): void {
  const { id } = task.plan.spec;
  dequeue(run.live.ready, task.plan);
  run.live.offers.set(id, session);
  sessionOf(run, session, now).offers.add(id);
}

/** How many more tasks the run lets out now. */
export function budgetOf(run: Run): number {
  return run.definition.workflow.maxParallelTasks - run.running - run.live.offers.size;
}

/** Where the task failed since an attempt last counted, and in that: the next goes elsewhere where it can. */
export function instancesToAvoid(task: Task): string[] {
  const avoid = new Set<string>();
  for (const { end, instance, tried } of task.attempts.toReversed()) {
    if (end?.status !== "failed" && end?.status !== "returned") break;
    for (const one of tried) avoid.add(one.instance);
    if (end.status === "returned") continue;
    if (instance !== undefined) avoid.add(instance);
    break;
  }
  return [...avoid];
}

/** How often in a row the task was given back after it had been tried somewhere. */
export function returnsInRow(task: Task): number {
  const last = task.attempts.findLastIndex(
    ({ end, tried }) => end?.status !== "returned" || tried.length === 0,
  );
  return task.attempts.length - 1 - last;
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

/**
 * What the run says to a slot that the hub keeps for this lane, before it takes it. It has a use for it where a task is
 * ready, or one has asked and not heard yet; and for more where others are ready too. A run that lets no task out has
 * none, whatever is ready: it asks when it does.
 */
export function answerSlot(run: Run, lane: string): SlotAnswer {
  if (!isRunning(run)) return { isWanted: false };
  const places = placesLeft(run);
  const hasReady = places > 0 && priorityAfterKept(run.live.ready, lane, 0) !== undefined;
  const next = priorityAfterKept(run.live.ready, lane, 1);
  const isWanted = hasReady || countOffered(run, lane) > 0;
  return isWanted && places > 1 && next !== undefined ? { isWanted, next } : { isWanted };
}

/** The hub keeps a slot for the lane; or it does not, and waiting for one is over. */
export function takeSlotWord(run: Run, { lane, isKept }: { lane: string; isKept: boolean }): void {
  if (isKept) keepSlot(run.live.ready, lane, countOffered(run, lane));
  // The hub notes that it waits for more only where it could use more: else the lane asks anew.
  if (!isKept || placesLeft(run) <= 0) openLane(run.live.ready, lane);
}

/** Places for tasks that are neither taken nor promised to slots that are kept. */
const placesLeft = (run: Run): number => budgetOf(run) - countKept(run.live.ready);

const countOffered = (run: Run, lane: string): number =>
  [...run.live.offers.keys()].filter((id) => taskOf(run, id).plan.lane === lane).length;

/** Whether the session may go on with what it believes was offered to it, as this attempt. */
export function isOpenFor(run: Run, task: Task, ref: AttemptRef, session: string): boolean {
  if (task.state.status !== "queued" || ref.attempt !== nextAttempt(task)) return false;
  return (run.live.offers.get(ref.taskId) ?? session) === session;
}
