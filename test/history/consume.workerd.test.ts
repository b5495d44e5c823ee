/** From runs to history: sent, written, acknowledged; what fails is done again. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { beforeEach, describe, expect, test } from "vitest";
import { decodeJson } from "../../src/contract/json.ts";
import { CAPACITY, LIMITS } from "../../src/contract/limits.ts";
import type { Env, HistoryMessage } from "../../src/env.ts";
import { consumeHistory } from "../../src/history/consume.ts";
import { d1History } from "../../src/history/d1.ts";
import { runStub } from "../../src/stubs.ts";
import { countRows, emptyDatabase } from "../workerd/history-database.ts";
import { muteExecutors, Player } from "../workerd/player.ts";
import { bindings, definitionOf, echo, finished, newId, start, workflowOf } from "../workerd/start.ts";

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

/** The database; `batches` counts what is asked of it. */
function countBatches(target: D1Database): { env: Env; batches: () => number } {
  let batches = 0;
  const DB = new Proxy(target, {
    get: (object, name) => {
      if (name === "batch") batches++;
      return Reflect.get(object, name).bind(object);
    },
  });
  return { env: { ...bindings, DB }, batches: () => batches };
}

async function startWithInputs(text: string): Promise<string> {
  const id = newId();
  await runStub(bindings, id).start(definitionOf(workflowOf([echo("a")]), { id, inputs: { text } }));
  return id;
}

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

describe("inputs too large for a list", () => {
  test("are not written while the run is there to be asked, and once it has ended they are, of any size", async () => {
    muteExecutors();
    const text = `€${"x".repeat(17_000_000)}`;
    const id = await startWithInputs(text);
    const player = new Player(id);
    await player.sync();
    await consume([id]);
    const note = { $omitted: expect.stringContaining(`GET /v1/runs/${id}`) };
    expect((await d1History(database).read(id))?.summary).toMatchObject({ status: "running", inputs: note });
    await player.complete("a");
    expect(await consume([id])).toEqual({ acknowledged: [id], again: [] });
    const found = await d1History(database).read(id);
    expect(found?.summary.status).toBe("completed");
    expect(found?.summary.inputs["text"] === text).toBe(true);
    const { items } = await d1History(database).list({ status: "completed" }, { limit: 10 });
    expect(items.find((run) => run.id === id)).toMatchObject({ inputs: note });
  });

  test("count as written, so that two such runs are two batches", async () => {
    muteExecutors();
    const ids = await Promise.all(["x", "y"].map((letter) => startWithInputs(letter.repeat(3_000_000))));
    for (const id of ids) await runStub(bindings, id).steer(id, { type: "cancel", actor: "test" });
    const { env, batches } = countBatches(database);
    expect(await consume(ids, env)).toEqual({ acknowledged: ids, again: [] });
    expect(batches()).toBe(2);
  });
});

describe("a batch that cannot be written", () => {
  test("is written in halves, so that the one run at fault keeps no other from it", async () => {
    muteExecutors();
    const ids = await Promise.all(Array.from({ length: 10 }, startStill));
    const poison = ids[6] ?? "";
    await database
      .prepare(`create trigger refuse before insert on runs when new.id = '${poison}'
        begin select raise(abort, 'refused'); end`)
      .run();
    const { acknowledged, again } = await consume(ids);
    await database.prepare("drop trigger refuse").run();
    expect(again).toEqual([poison]);
    expect(acknowledged.toSorted()).toEqual(ids.filter((id) => id !== poison).toSorted());
    for (const id of acknowledged) expect(await d1History(database).read(id ?? "")).toBeDefined();
  });

  test("is left for later after so many failures: then it is the database", async () => {
    muteExecutors();
    const ids = await Promise.all(Array.from({ length: 30 }, startStill));
    const { env, batches } = countBatches(broken.DB);
    const { acknowledged, again } = await consume(ids, env);
    expect([acknowledged, again.toSorted()]).toEqual([[], ids.toSorted()]);
    expect(batches()).toBe(CAPACITY.historyFailures);
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
