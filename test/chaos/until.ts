/** Waiting with an end: what is still wrong is looked at again and again, and given back if it stays. */
import { setTimeout as delay } from "node:timers/promises";

const PAUSE_MS = 500;
/** What is done for many is done for so many at a time. */
export const AT_ONCE = 8;

/** Empty when nothing is wrong any more; else what is wrong after so long. */
export async function untilNone(limitMs: number, look: () => Promise<string[]>): Promise<string[]> {
  const began = performance.now();
  for (;;) {
    const wrong = await look();
    if (wrong.length === 0 || performance.now() - began > limitMs) return wrong;
    await delay(PAUSE_MS);
  }
}

/** For each item, some at a time, in order of the items. */
export async function forEach<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = [...items].entries();
  const lane = async () => {
    for (const [index, item] of waiting) results[index] = await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return results;
}
