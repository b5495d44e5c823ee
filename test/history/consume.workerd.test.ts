/** From runs to history: sent, written, acknowledged; what fails is done again. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { beforeEach, describe, expect, test } from "vitest";
import { decodeJson } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import type { Env, HistoryMessage } from "../../src/env.ts";
import { consumeHistory } from "../../src/history/consume.ts";
import { d1History } from "../../src/history/d1.ts";
import { runStub } from "../../src/stubs.ts";
import { countRows, emptyDatabase } from "../workerd/history-database.ts";
import { muteExecutors, Player } from "../workerd/player.ts";
import { bindings, echo, finished, newId, start, workflowOf } from "../workerd/start.ts";

let database: D1Database;
beforeEach(async () => {
  database = await emptyDatabase();
});

/** Consumes one message for each run; which were acknowledged, and which are to come again. */
async function consume(ids: string[], env: Env = bindings) {
  const batch = createMessageBatch<HistoryMessage>(
    "gleitzeit-history",
    ids.map((runId, index) => ({ id: String(index), timestamp: new Date(), attempts: 1, body: { runId } })),
  );
  await consumeHistory(batch, env);
  const result = await getQueueResult(batch, createExecutionContext());
  const runs = (numbers: string[]) => numbers.map((number) => ids[Number(number)]);
  return {
    acknowledged: runs(result.explicitAcks),
    again: runs(result.retryMessages.map(({ msgId }) => msgId)),
  };
}

/** A run that stands still: the test has its task. */
async function startStill(): Promise<string> {
  const id = await start(workflowOf([echo("a")]));
  await new Player(id).sync();
  return id;
}

const broken: Env = {
  ...bindings,
  DB: new Proxy(bindings.DB, {
    get: (target, name) =>
      name === "batch"
        ? () => Promise.reject(new Error("D1 is away"))
        : Reflect.get(target, name).bind(target),
  }),
};

describe("what a run sends", () => {
  test("reaches history by itself, with results and journal once it has ended", async () => {
    const id = await start(workflowOf([echo("a")]));
    await finished(id);
    const read = async () => (await d1History(database).read(id))?.summary.status;
    await expect.poll(read, { timeout: 15_000 }).toBe("completed");
    const found = await d1History(database).read(id);
    expect(found && decodeJson(found.document)).toMatchObject({
      tasks: [{ id: "a", status: "completed", result: { response: "a" }, attempts: [{ number: 1 }] }],
      journal: [{ seq: 1 }, { seq: 2 }, { seq: 3 }, { seq: 4 }, { seq: 5, type: "run.completed" }],
    });
  });

  test("is one message for a short run, which is written once", async () => {
    const { database: counting, rowsWritten } = countRows(database);
    const id = await start(workflowOf([echo("a"), echo("b", ["a"])]));
    await finished(id);
    await consume([id], { ...bindings, DB: counting });
    expect(rowsWritten()).toBeGreaterThan(0);
    // Acknowledged: the message that the run sent itself finds that nothing is new.
    await consume([id], { ...bindings, DB: counting });
    expect(rowsWritten()).toBe(0);
  });

  test("is how it stands while it runs, without a document", async () => {
    muteExecutors();
    const id = await startStill();
    await consume([id]);
    const found = await d1History(database).read(id);
    expect(found?.summary).toMatchObject({ status: "running", progress: { running: 1 } });
    expect(found && decodeJson(found.document)).toEqual({});
  });

  test("is its results only where one batch can hold them", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a")]));
    const player = new Player(id);
    await player.sync();
    await player.complete("a", "x".repeat(LIMITS.historyBatchBytes));
    expect((await finished(id)).status).toBe("completed");
    expect(await consume([id])).toEqual({ acknowledged: [id], again: [] });
    const found = await d1History(database).read(id);
    expect(found && decodeJson(found.document)).toMatchObject({ tasks: [{ id: "a", status: "completed" }] });
    expect(found?.document.byteLength).toBeLessThan(10_000);
  });
});

describe("a message", () => {
  test("of a run that is written is acknowledged, and the run told", async () => {
    muteExecutors();
    const id = await startStill();
    expect(await consume([id])).toEqual({ acknowledged: [id], again: [] });
    expect((await d1History(database).read(id))?.summary.id).toBe(id);
  });

  test("of no run is acknowledged, and the others are written", async () => {
    muteExecutors();
    const id = await startStill();
    const nobody = newId();
    const { acknowledged, again } = await consume([nobody, id]);
    expect([acknowledged.toSorted(), again]).toEqual([[nobody, id].toSorted(), []]);
    expect(await d1History(database).read(id)).toBeDefined();
  });

  test("is left for later where the database fails, and nothing is lost", async () => {
    muteExecutors();
    const ids = [await startStill(), await startStill()];
    expect(await consume(ids, broken)).toEqual({ acknowledged: [], again: ids });
    for (const id of ids) expect(await d1History(database).read(id)).toBeUndefined();
    expect((await consume(ids)).acknowledged).toEqual(ids);
    for (const id of ids) expect(await d1History(database).read(id)).toBeDefined();
  });

  test("of a run that does not answer is left for later, and the others are written", async () => {
    muteExecutors();
    const [silent, id] = [await startStill(), await startStill()];
    const RUNS = new Proxy(bindings.RUNS, {
      get: (target, name) => (object: string) =>
        silent.endsWith(object)
          ? { project: () => Promise.reject(new Error("overloaded")) }
          : Reflect.get(target, name).call(target, object),
    });
    expect(await consume([silent, id], { ...bindings, RUNS })).toEqual({
      acknowledged: [id],
      again: [silent],
    });
  });
});

test("a run that history has does not ask again, and one that went on since does", async () => {
  muteExecutors();
  const id = await start(workflowOf([echo("a")]));
  const projection = await runStub(bindings, id).project();
  const player = new Player(id);
  await player.sync();
  await player.complete("a");
  await runStub(bindings, id).projected(projection?.revision ?? 0);
  const read = async () => (await d1History(database).read(id))?.summary.status;
  await expect.poll(read, { timeout: 15_000 }).toBe("completed");
});
