/** History in memory has one limit more than the others. */
import { expect, test } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import { memoryHistory } from "../../src/history/memory.ts";
import { sampleRun } from "./sample.ts";

const RECORD = new Uint8Array(LIMITS.historyBatchBytes - 100_000);
const FIT = Math.floor(LIMITS.memoryHistoryBytes / LIMITS.historyBatchBytes);

test("it keeps the newest runs, as many as there is room for", async () => {
  const history = memoryHistory();
  const runs = Array.from({ length: 3 * FIT }, (_, number) => sampleRun(number));
  for (const summary of runs) await history.write([{ revision: 1, summary, record: RECORD }]);
  const { items } = await history.list({}, { limit: LIMITS.pageItems });
  expect(items).toEqual(runs.slice(-items.length).reverse());
  expect(items.length).toBeGreaterThanOrEqual(FIT);
  expect(items.length).toBeLessThanOrEqual(FIT + 1);
  expect((await history.count()).completed).toBe(items.length);
});

test("a run that is written again takes its room once", async () => {
  const history = memoryHistory();
  const runs = [sampleRun(1), sampleRun(2)];
  for (let revision = 1; revision <= 2 * FIT; revision++) {
    for (const summary of runs) await history.write([{ revision, summary, record: RECORD }]);
  }
  expect((await history.list({}, { limit: 5 })).items).toHaveLength(2);
});
