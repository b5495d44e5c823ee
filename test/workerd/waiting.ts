/** The object that keeps what D1 has not taken, its alarm in the test's hand; and a D1 that fails. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { vi } from "vitest";
import type { Env } from "../../src/env.ts";
import { type HistoryName, historyStub } from "../../src/stubs.ts";
import { emptyDatabase } from "./history-database.ts";
import { bindings } from "./start.ts";

export const objectOf = (name: HistoryName): DurableObjectStub => bindings.HISTORIES.getByName(name);

const AN_HOUR_MS = 3_600_000;

/** All of them empty; time stands still, far from where an alarm would ring by itself. */
export async function openWaiting() {
  const clock = { now: Date.now() + AN_HOUR_MS };
  vi.spyOn(Date, "now").mockImplementation(() => clock.now);
  await emptyDatabase();
  for (const name of ["waiting", "durable", "memory"] as const) await empty(name);
  const object = objectOf("waiting");
  const storage = <Value>(use: (storage: DurableObjectStorage) => Value | Promise<Value>) =>
    runInDurableObject(object, (_, state) => use(state.storage));
  const alarmAt = () => storage((kept) => kept.getAlarm());
  return {
    clock,
    rpc: historyStub(bindings, "waiting"),
    storage,
    evict: async (): Promise<void> => {
      await alarmAt(); // only what is loaded can be
      await evictDurableObject(object);
    },
    /** Seconds until it rings; undefined where it is not set. */
    ringsIn: async (): Promise<number | undefined> => {
      const at = await alarmAt();
      return at === null ? undefined : (at - clock.now) / 1000;
    },
    /** It rings when it is due. */
    ring: async (): Promise<void> => {
      clock.now = (await alarmAt()) ?? Number.NaN;
      await runDurableObjectAlarm(object);
    },
  };
}

export type Waiting = Awaited<ReturnType<typeof openWaiting>>;

async function empty(name: HistoryName): Promise<void> {
  await runInDurableObject(objectOf(name), async (_, { storage }) => {
    await storage.deleteAlarm();
    await storage.deleteAll();
  });
  await unload(name);
}

/** The next question loads it anew. What is in memory is never evicted, but deployed over. */
export async function unload(name: HistoryName): Promise<void> {
  if (name !== "memory") return await evictDurableObject(objectOf(name));
  await runInDurableObject(objectOf(name), (_, state) => state.abort("deployed over")).catch(() => {});
}

/** D1 as it is, but its tables are elsewhere meanwhile. */
export async function whileAway(work: () => Promise<void>): Promise<void> {
  await moveTables("", "away_");
  await work().finally(() => moveTables("away_", ""));
}

export async function moveTables(from: string, to: string): Promise<void> {
  const statements = ["runs", "run_counts"].map(
    (table) => `alter table ${from}${table} rename to ${to}${table}`,
  );
  await bindings.DB.batch(statements.map((statement) => bindings.DB.prepare(statement)));
}

/** A database that refuses all while `state` says so. */
export function brokenDatabase(state = { isBroken: true }): Env {
  const refuse = () => Promise.reject(new Error("D1_ERROR: somebody's data"));
  const DB = new Proxy(bindings.DB, {
    get: (target, name) =>
      name === "batch" && state.isBroken ? refuse : Reflect.get(target, name).bind(target),
  });
  return { ...bindings, DB };
}
