/** The history queue played by hand: deliveries as the platform makes them, and runs that leave their objects. */
import {
  createExecutionContext,
  createMessageBatch,
  getQueueResult,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { expect, onTestFinished, vi } from "vitest";
import type { RunId } from "../../src/contract/id.ts";
import type { Env, HistoryMessage } from "../../src/env.ts";
import { consumeHistory } from "../../src/history/consume.ts";
import { RunObject } from "../../src/run/run-object.ts";
import { bindings, objectOf } from "./start.ts";

export const DAY_MS = 86_400_000;

/** Consumes one message for each run; which were acknowledged, and which are to come again after how long. */
export async function consume(ids: RunId[], env: Env = bindings, attempts = 1) {
  const batch = createMessageBatch<HistoryMessage>(
    "gleitzeit-history",
    ids.map((runId, index) => ({ id: String(index), timestamp: new Date(), attempts, body: { runId } })),
  );
  const retries = batch.messages.map((message) => vi.spyOn(message, "retry"));
  await consumeHistory(batch, env);
  const result = await getQueueResult(batch, createExecutionContext());
  const idOf = (number: string) => ids[Number(number)] ?? "";
  return {
    acknowledged: result.explicitAcks.map(idOf),
    again: result.retryMessages.map(({ msgId }) => idOf(msgId)),
    delays: retries.flatMap(({ mock }) => mock.calls.map(([options]) => options?.delaySeconds)),
  };
}

/** What was consumed and acknowledged does not reach the runs, until `hear` or the end of the test. */
export function loseAcknowledgements(): { hear: () => void } {
  const projected = vi.spyOn(RunObject.prototype, "projected").mockReturnValue();
  const hear = () => projected.mockRestore();
  onTestFinished(hear);
  return { hear };
}

/** Does it at another time: milliseconds from now. */
export async function later<Result>(ms: number, act: () => Promise<Result>): Promise<Result> {
  const now = vi.spyOn(Date, "now").mockReturnValue(Date.now() + ms);
  return await act().finally(() => now.mockRestore());
}

/** Its alarm rings, if one is set. */
export const ring = (id: RunId): Promise<boolean> => runDurableObjectAlarm(objectOf(id));

export const alarmOf = (id: RunId): Promise<number> =>
  runInDurableObject(objectOf(id), (_, { storage }) => storage.getAlarm()).then((at) => at ?? Infinity);

/** The tables, keys and alarms that the run's object has. */
export async function leftOf(id: RunId): Promise<{ tables: string[]; keys: string[]; alarm: number }> {
  return await runInDurableObject(objectOf(id), async (_, { storage }) => {
    const rows = storage.sql.exec<{ name: string }>("SELECT name FROM sqlite_master").toArray();
    const tables = rows.map(({ name }) => name).filter((name) => !name.startsWith("_cf_"));
    const keys = [...(await storage.list()).keys()];
    return { tables, keys, alarm: (await storage.getAlarm()) ?? Infinity };
  });
}

export const NOTHING_LEFT = { tables: [], keys: [], alarm: Infinity };

/** History gets the run, which has ended, and its object lets go of it. */
export async function leave(id: RunId, env: Env = bindings): Promise<void> {
  expect((await consume([id], env)).acknowledged).toEqual([id]);
  await later(8 * DAY_MS, () => ring(id));
  expect(await leftOf(id)).toEqual(NOTHING_LEFT);
}
