/** Where everything is counted: one isolate runs the Worker and all of its objects, so memory is enough. */
import type { Counts, ObjectCounts, QueueCounts } from "./counts.ts";
import { noObjectCounts } from "./counts.ts";

type Tally = Omit<Counts, "pending" | "alarmIn">;

const empty = (): Tally => ({
  worker: {},
  objects: {},
  queues: {},
  d1: { rowsWritten: 0, rowsRead: 0, sizeBytes: 0 },
  kv: { reads: 0, writes: 0 },
});

let tally = empty();
let pending = 0;
/** By the object's id, which outlasts its memory. */
const alarms = new Map<string, { binding: string; at: number }>();

export const d1Tally = (): Counts["d1"] => tally.d1;
export const kvTally = (): Counts["kv"] => tally.kv;

export function objectTally(binding: string): ObjectCounts {
  tally.objects[binding] ??= noObjectCounts();
  return tally.objects[binding];
}

export function queueTally(queue: string): QueueCounts {
  tally.queues[queue] ??= { written: 0, read: 0, deleted: 0 };
  return tally.queues[queue];
}

export function countRequest(binding: string, method: string): void {
  add(objectTally(binding).requests, method);
}

/** Something of the Worker's own, until the function given back is called. */
export function invoke(handler: string): () => void {
  add(tally.worker, handler);
  return hold();
}

/** Something is going on until the function given back is called. */
export function hold(): () => void {
  pending++;
  let isHeld = true;
  return () => {
    if (isHeld) pending--;
    isHeld = false;
  };
}

/** Undefined: none is set. */
export function noteAlarm(binding: string, objectId: string, at: number | undefined): void {
  if (at === undefined) alarms.delete(objectId);
  else alarms.set(objectId, { binding, at });
}

export function readCounts(): Counts {
  const byBinding = Map.groupBy(alarms.values(), ({ binding }) => binding);
  const next = [...byBinding].map(([name, some]) => [
    name,
    Math.min(...some.map(({ at }) => at)) - Date.now(),
  ]);
  return { ...tally, pending, alarmIn: Object.fromEntries(next) };
}

export function resetCounts(): void {
  const { sizeBytes } = tally.d1;
  tally = empty();
  tally.d1.sizeBytes = sizeBytes;
}

function add(record: Record<string, number>, name: string): void {
  record[name] = (record[name] ?? 0) + 1;
}
