/** From what was counted to the units that the platform bills. */
import {
  type Counts,
  noObjectCounts,
  queueOperationsOf,
  requestsOf,
  sum,
} from "../test/workerd/counting/counts.ts";
import type { ByItem } from "./prices.ts";

/** Seconds of an object are billed as if it had 128 MB, whatever it uses. */
const OBJECT_GB = 0.128;
/** Days that runs are kept in their objects and in D1, by default, and those of a month. */
const KEPT_DAYS = { object: 7, d1: 90 };
const MONTH_DAYS = 30;
const GB = 1e9;

/** For all tasks that were counted; CPU and bytes of D1 of each. */
type Measured = { tasks: number; cpuMs: number; d1Bytes: number };

/** Of one task. */
export function usageOf(counts: Counts, { tasks, cpuMs, d1Bytes }: Measured): ByItem {
  const { worker, d1, kv } = counts;
  const objects = withoutLooks(counts.objects);
  const inObjects = (what: "rowsWritten" | "rowsRead" | "activeMs" | "storedBytes") =>
    sum(Object.values(objects).map((object) => object[what])) / tasks;
  return {
    "Worker requests": sum(Object.values(worker)) / tasks,
    "Worker CPU, ms": cpuMs,
    "object requests": requestsOf({ objects }) / tasks,
    "object duration, GB-s": (inObjects("activeMs") / 1000) * OBJECT_GB,
    "object rows written": inObjects("rowsWritten"),
    "object rows read": inObjects("rowsRead"),
    "object storage, GB-months": monthsOf(inObjects("storedBytes"), KEPT_DAYS.object),
    "D1 rows written": d1.rowsWritten / tasks,
    "D1 rows read": d1.rowsRead / tasks,
    "D1 storage, GB-months": monthsOf(d1Bytes, KEPT_DAYS.d1),
    "queue operations": queueOperationsOf(counts) / tasks,
    "KV reads": kv.reads / tasks,
    "KV writes": kv.writes / tasks,
  };
}

/**
 * A hub looks at its instances by the clock, every 30 s while it is used: three requests and two rows. All that it writes
 * is for that. In a month that is some 0.20 dollars for a hub, however many tasks it serves.
 */
function withoutLooks({
  HUBS = noObjectCounts(),
  EXECUTORS = noObjectCounts(),
  ...others
}: Counts["objects"]) {
  const { alarm, looked, ...hubRequests } = HUBS.requests;
  const { look, ...executorRequests } = EXECUTORS.requests;
  return {
    ...others,
    HUBS: { ...HUBS, requests: hubRequests, rowsWritten: 0, storedBytes: 0 },
    EXECUTORS: { ...EXECUTORS, requests: executorRequests },
  };
}

const monthsOf = (bytes: number, days: number): number => (bytes / GB) * (days / MONTH_DAYS);
