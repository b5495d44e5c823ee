/**
 * Ready tasks, in lanes: one lane for each need, so that a parked need is passed over at no cost. Of a parked lane as
 * many tasks are offered as the hub keeps slots for: more would only be told to wait again.
 */
import { TIMING } from "../contract/limits.ts";
import { PRIORITIES, type Priority } from "../contract/workflow.ts";
import { type Heap, makeHeap } from "./heap.ts";
import type { TaskPlan } from "./plan.ts";

/** `members` is the truth; the heap may still hold tasks that have left. */
type Lane = {
  readonly members: Set<string>;
  readonly counts: Record<Priority, number>;
  readonly heap: Heap<TaskPlan>;
  /** 0: not parked. */
  parkedUntil: number;
  /** Slots that the hub keeps, and for which no task was offered yet. */
  kept: number;
  /** Tasks that asked before the hub's last word: that they hear of no slot says nothing any more. */
  readonly overtaken: Set<string>;
};

/** The lane of tasks that need no provider has no name of its own. */
const INSTANT = "";

export type Ready = Map<string, Lane>;

export const makeReady = (): Ready => new Map();

export function enqueue(ready: Ready, plan: TaskPlan): void {
  const lane = laneOf(ready, plan);
  if (lane.members.has(plan.spec.id)) return;
  lane.members.add(plan.spec.id);
  lane.counts[plan.spec.priority]++;
  lane.heap.push(plan);
}

export function dequeue(ready: Ready, plan: TaskPlan): void {
  const lane = ready.get(plan.lane ?? INSTANT);
  if (lane?.members.delete(plan.spec.id)) lane.counts[plan.spec.priority]--;
}

/** Takes the first ready task of the kinds there is room for, over all lanes that are not parked. */
export function takeNext(ready: Ready, has: { calls: boolean; instant: boolean }): TaskPlan | undefined {
  let best: TaskPlan | undefined;
  for (const [name, lane] of ready) {
    if (countOpen(lane) === 0 || !(name === INSTANT ? has.instant : has.calls)) continue;
    const first = firstOf(lane);
    if (first !== undefined && (best === undefined || first.order < best.order)) best = first;
  }
  if (best === undefined) return undefined;
  dequeue(ready, best);
  const lane = laneOf(ready, best);
  lane.kept = Math.max(0, lane.kept - 1);
  return lane.heap.pop();
}

/** How many tasks could be handed out now. */
export function countReady(ready: Ready): { calls: number; instant: number } {
  let calls = 0;
  for (const [name, lane] of ready) {
    if (name !== INSTANT) calls += countOpen(lane);
  }
  return { calls, instant: ready.get(INSTANT)?.members.size ?? 0 };
}

/**
 * The hub had no slot for the task: nothing of its lane is offered until one is kept, or for as long as runs wait. Not
 * where a word of the hub has overtaken that answer: then the lane is as that word left it.
 */
export function park(ready: Ready, plan: TaskPlan, now: number): void {
  const lane = laneOf(ready, plan);
  if (!lane.overtaken.delete(plan.spec.id)) lane.parkedUntil = now + TIMING.parkedMs;
}

/** The task is offered: what it hears is an answer to a new question. */
export function asks(ready: Ready, plan: TaskPlan): void {
  laneOf(ready, plan).overtaken.delete(plan.spec.id);
}

/**
 * A word of the hub about the lane. `isKept`: it keeps a slot; `waits`: it notes that the run waits for more, else its
 * tasks must ask. `asking`: tasks that have asked and not heard yet.
 */
export type SlotWord = { isKept: boolean; waits: boolean; asking: string[] };

export function hear(ready: Ready, name: string, { isKept, waits, asking }: SlotWord, now: number): void {
  const lane = ready.get(name);
  if (lane === undefined) return;
  if (isKept) lane.kept = Math.min(lane.kept + 1, lane.members.size + asking.length);
  lane.parkedUntil = waits ? now + TIMING.parkedMs : 0;
  for (const id of asking) lane.overtaken.add(id);
}

/** Slots that are kept for tasks of any lane. */
export function countKept(ready: Ready): number {
  let kept = 0;
  for (const lane of ready.values()) kept += Math.min(lane.kept, lane.members.size);
  return kept;
}

/** Ready tasks of the lane beyond those that slots are kept for. */
export function countUnkept(ready: Ready, name: string): number {
  const lane = ready.get(name);
  return lane === undefined ? 0 : Math.max(0, lane.members.size - lane.kept);
}

/** How urgent the first task of the lane is beyond those that slots are kept for, and so many `more`. */
export function priorityAfterKept(ready: Ready, name: string, more: number): Priority | undefined {
  const lane = ready.get(name);
  let left = (lane?.kept ?? 0) + more;
  for (const priority of PRIORITIES) {
    const count = lane?.counts[priority] ?? 0;
    if (count > left) return priority;
    left -= count;
  }
  return undefined;
}

/** Offers what has waited long enough for the hub. */
export function unpark(ready: Ready, now: number): void {
  for (const lane of ready.values()) if (now >= lane.parkedUntil) lane.parkedUntil = 0;
}

/** When the first parked lane with tasks is looked at again. */
export function nextUnpark(ready: Ready): number {
  let next = Number.POSITIVE_INFINITY;
  for (const lane of ready.values()) {
    if (lane.parkedUntil > 0 && lane.members.size > 0) next = Math.min(next, lane.parkedUntil);
  }
  return next;
}

function laneOf(ready: Ready, plan: TaskPlan): Lane {
  const name = plan.lane ?? INSTANT;
  const known = ready.get(name);
  if (known !== undefined) return known;
  const lane: Lane = {
    members: new Set(),
    counts: { urgent: 0, high: 0, normal: 0, low: 0 },
    heap: makeHeap((a, b) => a.order < b.order),
    parkedUntil: 0,
    kept: 0,
    overtaken: new Set(),
  };
  ready.set(name, lane);
  return lane;
}

/** How many of its tasks may be offered. */
function countOpen({ members, parkedUntil, kept }: Lane): number {
  return parkedUntil > 0 ? Math.min(kept, members.size) : members.size;
}

function firstOf(lane: Lane): TaskPlan | undefined {
  let first = lane.heap.peek();
  while (first !== undefined && !lane.members.has(first.spec.id)) {
    lane.heap.pop();
    first = lane.heap.peek();
  }
  return first;
}
