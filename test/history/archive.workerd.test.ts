/** Records of runs whose objects are gone: from KV, else from history, which fills KV. */
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { encodeJson, type Json } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import type { RunSummary } from "../../src/contract/run.ts";
import type { Env } from "../../src/env.ts";
import { readRecord } from "../../src/history/archive.ts";
import { openHistory } from "../../src/history/open.ts";
import { emptyDatabase } from "../workerd/history-database.ts";
import { DAY_MS, later } from "../workerd/history-queue.ts";
import { bindings } from "../workerd/start.ts";
import { sampleProjection, sampleRun } from "./sample.ts";

const RECORD = encodeJson({ journal: ["é"] });
const DAY_SECONDS = DAY_MS / 1000;

let count = 0;
let put: ReturnType<typeof watchPuts>;

beforeEach(async () => {
  await emptyDatabase();
  put = watchPuts();
});

/** What is written to KV: keys, and for how many seconds. */
function watchPuts() {
  const spy = vi.spyOn(bindings.CACHE, "put");
  onTestFinished(() => spy.mockRestore());
  return () => spy.mock.calls.map(([key, , options]) => [key, options?.expirationTtl]);
}

/** A run that history has, which ended so many days ago. */
async function keep(
  daysAgo = 8,
  differing: Partial<RunSummary> = {},
  record: Json | Uint8Array = RECORD,
): Promise<string> {
  const at = Date.now() - daysAgo * DAY_MS;
  const summary = sampleRun(++count, { finishedAt: new Date(at).toISOString(), ...differing }, at);
  const bytes = record instanceof Uint8Array ? record : encodeJson(record);
  await openHistory(bindings, "d1").write([{ ...sampleProjection(summary), record: bytes }]);
  return summary.id;
}

/** D1 fails, and what waits for it has nothing. */
const withoutD1 = (): Env => ({
  ...bindings,
  DB: new Proxy(bindings.DB, {
    get: (target, name) =>
      name === "batch" ? () => Promise.reject(new Error("away")) : Reflect.get(target, name).bind(target),
  }),
});
const rejects = () => Promise.reject(new Error("away"));
const withoutKv: Env = { ...bindings, CACHE: new Proxy(bindings.CACHE, { get: () => rejects }) };

const untilCached = (id: string) => expect.poll(() => bindings.CACHE.get(`record/${id}`)).not.toBeNull();

describe("a record", () => {
  test("comes from history, to the byte, and then from KV", async () => {
    const id = await keep();
    expect(await readRecord(bindings, id)).toEqual(RECORD);
    await untilCached(id);
    expect(await readRecord(withoutD1(), id)).toEqual(RECORD);
  });

  test("from KV costs history no question", async () => {
    const id = await keep();
    await bindings.CACHE.put(`record/${id}`, RECORD);
    const batch = vi.spyOn(bindings.DB, "batch");
    onTestFinished(() => batch.mockRestore());
    expect(await readRecord(bindings, id)).toEqual(RECORD);
    expect(batch).not.toHaveBeenCalled();
  });

  test("as large as there may be goes both ways", async () => {
    const record = encodeJson("x".repeat(LIMITS.historyBatchBytes - 2));
    const id = await keep(8, {}, record);
    expect((await readRecord(bindings, id))?.byteLength).toBe(LIMITS.historyBatchBytes);
    await untilCached(id);
    expect((await readRecord(withoutD1(), id))?.byteLength).toBe(LIMITS.historyBatchBytes);
  });

  test("comes from history where KV fails", async () => {
    const id = await keep();
    expect(await readRecord(withoutKv, id)).toEqual(RECORD);
  });

  test("is not there where history does not have it, and KV does not learn that", async () => {
    const { id } = sampleRun(++count);
    expect(await readRecord(bindings, id)).toBeUndefined();
    expect(put()).toEqual([]);
  });

  test.each([
    ["goes on", { status: "running" }, RECORD],
    ["is paused", { status: "paused" }, RECORD],
    ["has ended and is too large", { status: "completed" }, new Uint8Array()],
  ] as const)("is not there of a run that %s", async (_, differing, record) => {
    const id = await keep(8, differing, record);
    expect(await readRecord(bindings, id)).toBeUndefined();
    expect(put()).toEqual([]);
  });

  test("is unavailable where neither answers, not unknown", async () => {
    const id = await keep();
    for (const env of [withoutD1(), { ...withoutD1(), CACHE: withoutKv.CACHE }]) {
      await expect(readRecord(env, id)).rejects.toMatchObject({ code: "unavailable" });
    }
  });
});

describe("KV keeps a record", () => {
  test("for a day", async () => {
    const id = await keep(8);
    await readRecord(bindings, id);
    expect(put()).toEqual([[`record/${id}`, DAY_SECONDS]]);
  });

  test("not beyond the day on which history lets go of it", async () => {
    const id = await keep(89.5);
    await readRecord(bindings, id);
    const [[, seconds] = []] = put();
    expect(seconds).toBeGreaterThan(DAY_SECONDS / 2 - 60);
    expect(seconds).toBeLessThanOrEqual(DAY_SECONDS / 2);
  });

  test("as long as the setting says", async () => {
    const id = await keep(0);
    const env = { ...bindings, GLEITZEIT_HISTORY_DAYS: "0.01" };
    expect(await readRecord(env, id)).toEqual(RECORD);
    const [[, seconds] = []] = put();
    expect(seconds).toBeGreaterThan(800);
    expect(seconds).toBeLessThanOrEqual(864);
  });

  test.each([90 - 30 / DAY_SECONDS, 91])(
    "not at all where that is in a moment, or was: %f days ago it ended",
    async (daysAgo) => {
      const id = await keep(daysAgo);
      expect(await readRecord(bindings, id)).toEqual(RECORD);
      expect(put()).toEqual([]);
    },
  );

  test("and what it refuses is answered all the same", async () => {
    const id = await keep();
    const get = vi.fn(() => Promise.resolve(null));
    const CACHE = new Proxy(bindings.CACHE, { get: (_, name) => (name === "get" ? get : rejects) });
    expect(await readRecord({ ...bindings, CACHE }, id)).toEqual(RECORD);
    await later(0, async () => {});
    expect(get).toHaveBeenCalledOnce();
  });
});
