/** What the platform bills, as it was counted; what `GET /counts` answers. Pure, for both sides of the door. */
import * as z from "zod";

const count = z.number().int();

const objectCounts = z.object({
  /** By method; `alarm` is one that rang. */
  requests: z.record(z.string(), count),
  /** An alarm that is set is one, and so is a key that is put or deleted. */
  rowsWritten: count,
  rowsRead: count,
  alarmsSet: count,
  /** Objects times the milliseconds that something kept them in memory: handlers, `waitUntil`, timers. */
  activeMs: count,
  /** By how much their databases grew. */
  storedBytes: count,
});

export const counts = z.object({
  /** Invocations of the Worker by handler: `fetch`, `queue` (a batch is one), `scheduled`. */
  worker: z.record(z.string(), count),
  /** By binding. */
  objects: z.record(z.string(), objectCounts),
  /** Operations by binding: a message is written, read as often as it is delivered, and deleted. */
  queues: z.record(z.string(), z.object({ written: count, read: count, deleted: count })),
  /** `sizeBytes` is the database's own, not counted from the reset. */
  d1: z.object({ rowsWritten: count, rowsRead: count, sizeBytes: count }),
  kv: z.object({ reads: count, writes: count }),
  /** What is going on now, in handlers, behind `waitUntil` and in timers. */
  pending: count,
  /** In milliseconds from now, by binding: the next that rings. */
  alarmIn: z.record(z.string(), z.number()),
});

export type ObjectCounts = z.infer<typeof objectCounts>;
export type Counts = z.infer<typeof counts>;
export type QueueCounts = Counts["queues"][string];

export const noObjectCounts = (): ObjectCounts => ({
  requests: {},
  rowsWritten: 0,
  rowsRead: 0,
  alarmsSet: 0,
  activeMs: 0,
  storedBytes: 0,
});

/** What objects were asked, over all methods, or of one binding. */
export function requestsOf({ objects }: Pick<Counts, "objects">, binding?: string): number {
  const some = Object.entries(objects).filter(([name]) => binding === undefined || name === binding);
  return sum(some.flatMap(([, { requests }]) => Object.values(requests)));
}

export const queueOperationsOf = ({ queues }: Counts): number =>
  sum(Object.values(queues).flatMap((queue) => Object.values(queue)));

/** An alarm that is further off is not for the work of a run but for how long it is kept. */
const SOON_MS = 60_000;

/** Nothing is going on, and no run has anything left to do. Hubs look at their instances for ever. */
export function isQuiet({ pending, queues, alarmIn }: Counts): boolean {
  const isHandled = Object.values(queues).every(({ written, deleted }) => written === deleted);
  return pending === 0 && isHandled && (alarmIn["RUNS"] ?? SOON_MS) >= SOON_MS;
}

export const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);
