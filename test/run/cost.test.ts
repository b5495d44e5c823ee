/** What a run costs: rows, requests, alarms and queue operations, counted in the whole service. No clock decides. */
import { expect, test } from "vitest";
import { type CountedService, withCounting } from "../../bench/counted-service.ts";
import { register } from "../../bench/pool.ts";
import { chain } from "../../bench/shapes.ts";
import { complete } from "../../bench/start-run.ts";
import type { JsonObject } from "../../src/contract/json.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { type Counts, isQuiet, queueOperationsOf } from "../workerd/counting/counts.ts";

/** What one run of it costs, history included. */
async function countRun(
  { url, reset, until }: CountedService,
  workflow: JsonObject,
  isOver = isWritten,
): Promise<Counts> {
  await reset();
  await complete(url, workflow);
  return await until(isOver);
}

/** Each run asks history at least once. */
function isWritten({ queues }: Counts): boolean {
  return (
    queues["HISTORY"] !== undefined &&
    Object.values(queues).every(({ written, deleted }) => written === deleted)
  );
}

/** What each further task of a chain adds, apart from what a run costs as such. */
async function countGrowth(
  service: CountedService,
  shape: (count: number) => JsonObject,
  count: number,
): Promise<{ one: Counts; many: Counts; perTask: (of: (counts: Counts) => number) => number }> {
  const one = await countRun(service, shape(1));
  const many = await countRun(service, shape(count));
  return { one, many, perTask: (of) => (of(many) - of(one)) / (count - 1) };
}

const rowsOf = ({ objects }: Counts): number => objects["RUNS"]?.rowsWritten ?? 0;
/** A hub looks at its instances by the clock, whatever runs do, and the alarm of an earlier run may still ring. */
const BY_CLOCK = ["alarm", "look", "looked"];

function requestsForTasks(counts: Counts): number {
  const { RUNS, EXECUTORS, HUBS } = counts.objects;
  const asked = [RUNS, EXECUTORS, HUBS].flatMap((object) => Object.entries(object?.requests ?? {}));
  return asked.reduce((sum, [method, count]) => sum + (BY_CLOCK.includes(method) ? 0 : count), 0);
}

test("in a chain of 100 a task costs a row and a request to an object, and the whole run 3 queue operations", async () => {
  const { many, perTask } = await withCounting((service) => countGrowth(service, chain, 100));
  expect(perTask(rowsOf)).toBeLessThanOrEqual(1);
  expect(perTask(requestsForTasks)).toBeLessThanOrEqual(1);
  expect(queueOperationsOf(many)).toBeLessThanOrEqual(3);
  expect(many.d1.rowsWritten).toBeLessThanOrEqual(3);
  expect(many.kv.writes).toBe(0);
});

test("in a chain of tasks that a hub gives slots to, a task costs 4 requests to objects", async () => {
  const host = await startFakeOllama({ models: ["llama3.2"] });
  try {
    const { perTask } = await withCounting(async (service) => {
      await register(service.url, "host", host.url, 4);
      return await countGrowth(service, chatChain, 20);
    });
    expect(perTask(requestsForTasks)).toBeLessThanOrEqual(4);
    expect(perTask(rowsOf)).toBeLessThanOrEqual(2);
    expect(perTask(queueOperationsOf)).toBe(0);
  } finally {
    await host.close();
  }
});

test("a run of one task costs this and nothing else: who changes it, changes the price", async () => {
  const { worker, objects, queues, d1, kv } = await withCounting((service) =>
    countRun(service, chain(1), isQuiet),
  );
  expect(worker).toEqual({ fetch: 1, queue: 1 });
  expect(queues).toEqual({
    HISTORY: { written: 1, read: 1, deleted: 1 },
  });
  expect(Object.keys(objects).toSorted()).toEqual(["EXECUTORS", "RUNS"]);
  expect(objects["EXECUTORS"]).toMatchObject({ requests: { go: 1 }, rowsWritten: 0, alarmsSet: 0 });
  expect(objects["RUNS"]).toMatchObject({
    requests: { start: 1, sync: 2, project: 1, projected: 1 },
    // The table 2, definition 1, journal 3, projected 1, and two alarms: for invitations, and for retention.
    rowsWritten: 9,
    alarmsSet: 2,
  });
  expect(d1.rowsWritten).toBe(3);
  expect(kv).toEqual({ reads: 0, writes: 0 });
});

function chatChain(count: number): JsonObject {
  const tasks = Array.from({ length: count }, (_, index) => ({
    id: `t${index}`,
    method: "llm/chat",
    params: { model: "llama3.2", prompt: `question ${index}` },
    dependencies: index === 0 ? [] : [`t${index - 1}`],
  }));
  return { name: "chats", tasks };
}
