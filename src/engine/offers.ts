/**
 * Offers: a task with a need is lent to a session while that asks the hub for a slot. They live in memory only;
 * one that is forgotten (the object was evicted) is taken up again when its session mentions it.
 */
import type { AttemptRef, SlotAnswer } from "../contract/sync.ts";
import { PRIORITIES, type Priority } from "../contract/workflow.ts";
import { asks, countKept, countUnkept, dequeue, enqueue, hear, priorityAfterKept } from "./ready.ts";
import { isRunning, type Run, sessionOf, type Task, taskOf } from "./run.ts";

export const nextAttempt = (task: Task): number => task.attempts.length + 1;

export function offer(run: Run, task: Task, session: string, now: number): void {
  const { id } = task.plan.spec;
  dequeue(run.live.ready, task.plan);
  asks(run.live.ready, task.plan);
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
  const ended = task.attempts.filter(({ end }) => end !== undefined);
  const last = ended.findLastIndex(({ end, tried }) => end?.status !== "returned" || tried.length === 0);
  return ended.length - 1 - last;
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
 * What the run says to a slot that the hub keeps for this lane, before it takes it. It has a use for one for each task
 * that has asked and not heard yet, which may hear that there was none, and for each that is ready, as far as it lets
 * tasks out: those that it does not let out ask when it does.
 */
export function answerSlot(run: Run, lane: string): SlotAnswer {
  if (!isRunning(run)) return { isWanted: false };
  const { ready } = run.live;
  const asking = offeredIn(run, lane);
  const usable = asking.length + Math.max(0, Math.min(placesLeft(run), countUnkept(ready, lane)));
  if (usable === 0) return { isWanted: false };
  const next = priorityAfterKept(ready, lane, asking.length > 0 ? 0 : 1) ?? mostUrgent(asking);
  return usable > 1 && next !== undefined ? { isWanted: true, next } : { isWanted: true };
}

/** Takes a word of the hub; `waits`: it was told that the run waits for more. */
export function takeSlotWord(
  run: Run,
  word: { lane: string; isKept: boolean; waits: boolean },
  now: number,
): void {
  const asking = offeredIn(run, word.lane).map(({ plan }) => plan.spec.id);
  hear(run.live.ready, word.lane, { ...word, asking }, now);
}

/** Places for tasks that are neither taken nor promised to slots that are kept. */
const placesLeft = (run: Run): number => budgetOf(run) - countKept(run.live.ready);

const offeredIn = (run: Run, lane: string): Task[] =>
  [...run.live.offers.keys()].map((id) => taskOf(run, id)).filter(({ plan }) => plan.lane === lane);

const mostUrgent = (tasks: Task[]): Priority | undefined =>
  PRIORITIES.find((priority) => tasks.some(({ plan }) => plan.spec.priority === priority));

/** Whether the session may go on with what it believes was offered to it, as this attempt. */
export function isOpenFor(run: Run, task: Task, ref: AttemptRef, session: string): boolean {
  if (task.state.status !== "queued" || ref.attempt !== nextAttempt(task)) return false;
  return (run.live.offers.get(ref.taskId) ?? session) === session;
}
