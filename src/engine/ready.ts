/** Ready tasks, in lanes: one lane for each need, so that a parked need is passed over at no cost. */
import { TIMING } from "../contract/limits.ts";
import { type Heap, makeHeap } from "./heap.ts";
import type { TaskPlan } from "./plan.ts";

/** `members` is the truth; the heap may still hold tasks that have left. */
type Lane = {
  readonly members: Set<string>;
  readonly heap: Heap<TaskPlan>;
  /** 0: not parked. */
  parkedUntil: number;
  /** When the hub last kept a slot: that an earlier question was parked says nothing any more. */
  keptAt: number;
};

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
  if (best === undefined) return undefined;
  dequeue(ready, best);
  return laneOf(ready, best).heap.pop();
}

/** How many tasks could be handed out now. */
export function countReady(ready: Ready): { calls: number; instant: number } {
  let calls = 0;
  for (const [name, lane] of ready) {
    if (name !== INSTANT && lane.parkedUntil === 0) calls += lane.members.size;
  }
  return { calls, instant: ready.get(INSTANT)?.members.size ?? 0 };
}

/** The hub had no slot for this lane: nothing of it is offered until it keeps one, or for as long as runs wait. */
export function park(ready: Ready, plan: TaskPlan, askedAt: number, now: number): void {
  const lane = laneOf(ready, plan);
  // The hub's word that it keeps one may overtake the session's that there was none.
  if (askedAt > lane.keptAt) lane.parkedUntil = now + TIMING.parkedMs;
}

/** The hub keeps a slot for this lane. */
export function keepSlot(ready: Ready, name: string, now: number): void {
  const lane = ready.get(name);
  if (lane === undefined) return;
  lane.parkedUntil = 0;
  lane.keptAt = now;
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
    heap: makeHeap((a, b) => a.order < b.order),
    parkedUntil: 0,
    keptAt: Number.NEGATIVE_INFINITY,
  };
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
