/** Ready tasks, in lanes: one lane for each need, so that a parked need is passed over at no cost. */
import { type Heap, makeHeap } from "./heap.ts";
import type { TaskPlan } from "./plan.ts";

/** `members` is the truth; the heap may still hold tasks that have left. */
type Lane = { members: Set<string>; heap: Heap<TaskPlan>; parkedUntil: number };

/** The lane of tasks that need no provider has no name of its own. */
const INSTANT = "";

export type Ready = Map<string, Lane>;

export const makeReady = (): Ready => new Map();

export function enqueue(ready: Ready, plan: TaskPlan): void {
  const lane = laneOf(ready, plan);
  if (lane.members.has(plan.spec.id)) return;
  lane.members.add(plan.spec.id);
  lane.heap.push(plan);
}

export function dequeue(ready: Ready, plan: TaskPlan): void {
  ready.get(plan.lane ?? INSTANT)?.members.delete(plan.spec.id);
}

/** Takes the first ready task of the kinds there is room for, over all lanes that are not parked. */
export function takeNext(ready: Ready, has: { calls: boolean; instant: boolean }): TaskPlan | undefined {
  let best: TaskPlan | undefined;
  for (const [name, lane] of ready) {
    if (lane.parkedUntil > 0 || !(name === INSTANT ? has.instant : has.calls)) continue;
    const first = firstOf(lane);
    if (first !== undefined && (best === undefined || first.order < best.order)) best = first;
  }
  if (best !== undefined) dequeue(ready, best);
  return best;
}

/** How many tasks could be handed out now. */
export function countReady(ready: Ready): { calls: number; instant: number } {
  let calls = 0;
  for (const [name, lane] of ready) {
    if (name !== INSTANT && lane.parkedUntil === 0) calls += lane.members.size;
  }
  return { calls, instant: ready.get(INSTANT)?.members.size ?? 0 };
}

export function hasReady(ready: Ready, lane: string): boolean {
  return (ready.get(lane)?.members.size ?? 0) > 0;
}

/** The hub has no slot for this lane: nothing of it is offered until it invites, or until the time given. */
export function park(ready: Ready, plan: TaskPlan, until: number): void {
  if (plan.lane !== undefined) laneOf(ready, plan).parkedUntil = until;
}

/** Ends the parking of lanes: of one by name, or of those whose time has come. Tells whether any had work. */
export function unpark(ready: Ready, isOver: (name: string, until: number) => boolean): boolean {
  let hasWork = false;
  for (const [name, lane] of ready) {
    if (lane.parkedUntil === 0 || !isOver(name, lane.parkedUntil)) continue;
    lane.parkedUntil = 0;
    hasWork ||= lane.members.size > 0;
  }
  return hasWork;
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
  const lane: Lane = { members: new Set(), heap: makeHeap((a, b) => a.order < b.order), parkedUntil: 0 };
  ready.set(name, lane);
  return lane;
}

function firstOf(lane: Lane): TaskPlan | undefined {
  let first = lane.heap.peek();
  while (first !== undefined && !lane.members.has(first.spec.id)) {
    lane.heap.pop();
    first = lane.heap.peek();
  }
  return first;
}
