/** From runs to history: sent, written, acknowledged; what fails is done again. */
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { RunId } from "../../src/contract/id.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import type { Env } from "../../src/env.ts";
import { d1History } from "../../src/history/d1.ts";
import { openHistory } from "../../src/history/open.ts";
import type { Projection } from "../../src/history/run-history.ts";
import { parseRecord } from "../../src/run/record.ts";
import { RunObject } from "../../src/run/run-object.ts";
import { runStub } from "../../src/stubs.ts";
import { countRows, emptyDatabase } from "../workerd/history-database.ts";
import { consume, loseAcknowledgements } from "../workerd/history-queue.ts";
import { muteExecutors, Player } from "../workerd/player.ts";
import {
  bindings,
  definitionOf,
  echo,
  finished,
  journalOf,
  newId,
  start,
  workflowOf,
} from "../workerd/start.ts";

const MIB = 2 ** 20;

let database: D1Database;
beforeEach(async () => {
  database = await emptyDatabase();
});

const historyOf = (id: RunId) => d1History(database).read(id);

/** A run that stands still: the test has its task. */
async function startStill(): Promise<RunId> {
  const id = await start(workflowOf([echo("a")]));
  await new Player(id).sync();
  return id;
}

/** One that has ended, with a result of so many bytes. */
async function startEnded(bytes = 10): Promise<RunId> {
  const id = await start(workflowOf([echo("a")]));
  const player = new Player(id);
  await player.sync();
  await player.complete("a", "x".repeat(bytes));
  return id;
}

/** The database, as `batch` says that it answers. */
function databaseWith(batch: D1Database["batch"]): Env {
  const get = (target: D1Database, name: string | symbol) =>
    name === "batch" ? batch : Reflect.get(target, name).bind(target);
  return { ...bindings, DB: new Proxy(bindings.DB, { get }) };
}

/** Nothing of history answers: neither D1 nor what would wait for it. */
function withoutHistory(): Env {
  const env = databaseWith(() => Promise.reject(new Error("D1 is away")));
  const write = () => Promise.reject(new Error("it is being deployed"));
  return { ...env, HISTORIES: new Proxy(bindings.HISTORIES, { get: () => () => ({ write }) }) };
}

/** How many runs there were in each batch that history was given. */
function watchWrites(): { env: Env; written: string[][] } {
  const written: string[][] = [];
  const write = async (batch: Projection[]) => {
    written.push(batch.map(({ summary }) => summary.id));
  };
  const HISTORIES = new Proxy(bindings.HISTORIES, { get: () => () => ({ write }) });
  return { env: { ...bindings, GLEITZEIT_HISTORY: "durable", HISTORIES }, written };
}

/** A history in an object that cannot take one of the runs, whatever else is in the batch. */
function poisonedBy(poison: RunId): { env: Env; taken: RunId[] } {
  const taken: RunId[] = [];
  const write = async (batch: Projection[]) => {
    if (batch.some(({ summary }) => summary.id === poison)) throw new Error("refused");
    taken.push(...batch.map(({ summary }) => summary.id));
  };
  const HISTORIES = new Proxy(bindings.HISTORIES, { get: () => () => ({ write }) });
  return { env: { ...bindings, GLEITZEIT_HISTORY: "durable", HISTORIES }, taken };
}

describe("what a run sends", () => {
  test("reaches history by itself, with its record once it has ended", async () => {
    const id = await start(workflowOf([echo("a")]));
    await finished(id);
    await expect
      .poll(async () => (await historyOf(id))?.summary.status, { timeout: 15_000 })
      .toBe("completed");
    const record = parseRecord((await historyOf(id))?.record ?? new Uint8Array());
    expect(record.definition).toMatchObject({ id, workflow: { tasks: [{ id: "a" }] } });
    expect(record.results).toEqual([{ taskId: "a", attempt: 1, result: { response: "a", message: "a" } }]);
    expect(record.journal.flatMap(({ events }) => events).map(({ type }) => type)).toEqual(
      (await journalOf(id)).map(({ type }) => type),
    );
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

  test("is how it stands while it runs, without a record", async () => {
    muteExecutors();
    const id = await startStill();
    await consume([id]);
    const found = await historyOf(id);
    expect(found?.summary).toMatchObject({ status: "running", progress: { running: 1 } });
    expect(found?.record.byteLength).toBe(0);
  });

  test("is its summary alone where one batch cannot hold its record", async () => {
    muteExecutors();
    const id = await startEnded(LIMITS.historyBatchBytes);
    expect(await consume([id])).toMatchObject({ acknowledged: [id], again: [] });
    const found = await historyOf(id);
    expect([found?.summary.status, found?.record.byteLength]).toEqual(["completed", 0]);
  });

  test("is never its inputs beyond what lists show, while it runs and once it has ended", async () => {
    muteExecutors();
    const id = newId();
    const inputs = { text: `€${"x".repeat(17_000_000)}` };
    await runStub(bindings, id).start(definitionOf(workflowOf([echo("a")]), { id, inputs }));
    const player = new Player(id);
    await player.sync();
    const note = { $omitted: expect.stringContaining(`GET /v1/runs/${id}`) };
    await consume([id]);
    expect((await historyOf(id))?.summary).toMatchObject({ status: "running", inputs: note });
    await player.complete("a");
    expect((await consume([id])).acknowledged).toEqual([id]);
    expect((await historyOf(id))?.summary).toMatchObject({ status: "completed", inputs: note });
  });
});

describe("a message", () => {
  test("of a run that is written is acknowledged, and the run told what history has, and that it is for good", async () => {
    muteExecutors();
    const projected = vi.spyOn(RunObject.prototype, "projected");
    onTestFinished(() => projected.mockRestore());
    const id = await startEnded();
    expect(await consume([id])).toEqual({ acknowledged: [id], again: [], delays: [] });
    expect(projected).toHaveBeenCalledWith((await journalOf(id)).length, true);
  });

  test.each([
    ["whose record is too large", LIMITS.historyBatchBytes, bindings],
    ["where history forgets", 10, { ...bindings, GLEITZEIT_HISTORY: "memory" }],
  ])("of a run %s says that it is not for good", async (_, bytes, env) => {
    muteExecutors();
    const projected = vi.spyOn(RunObject.prototype, "projected").mockReturnValue();
    onTestFinished(() => projected.mockRestore());
    const id = await startEnded(bytes);
    await consume([id], env);
    expect(projected.mock.calls).toEqual([[(await journalOf(id)).length, false]]);
  });

  test("says so for good where D1 fails and the run waits for it in an object", async () => {
    muteExecutors();
    const projected = vi.spyOn(RunObject.prototype, "projected").mockReturnValue();
    onTestFinished(() => projected.mockRestore());
    const id = await startEnded();
    const { acknowledged } = await consume(
      [id],
      databaseWith(() => Promise.reject(new Error("D1 is away"))),
    );
    expect([acknowledged, projected.mock.calls]).toEqual([[id], [[(await journalOf(id)).length, true]]]);
  });

  test("of no run is acknowledged, and the others are written", async () => {
    muteExecutors();
    const id = await startStill();
    const nobody = newId();
    const { acknowledged, again } = await consume([nobody, id]);
    expect([acknowledged.toSorted(), again]).toEqual([[nobody, id].toSorted(), []]);
    expect(await historyOf(id)).toBeDefined();
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
    const { acknowledged, again } = await consume([silent, id], { ...bindings, RUNS });
    expect([acknowledged, again]).toEqual([[id], [silent]]);
  });

  test("one of several of one run is as good as all: the run is fetched and written once", async () => {
    muteExecutors();
    const project = vi.spyOn(RunObject.prototype, "project");
    onTestFinished(() => project.mockRestore());
    const { env, written } = watchWrites();
    const [id, other] = [await startStill(), await startStill()];
    const { acknowledged } = await consume([id, other, id, id], env);
    expect([project.mock.calls.length, written.flat().toSorted()]).toEqual([2, [id, other].toSorted()]);
    expect(acknowledged.toSorted()).toEqual([id, id, id, other].toSorted());
  });

  test("of a run that was written with the acknowledgement lost comes again, and nothing is written", async () => {
    muteExecutors();
    const { hear } = loseAcknowledgements();
    const id = await startEnded();
    expect((await consume([id])).acknowledged).toEqual([id]);
    const before = await historyOf(id);
    hear();
    const { database: counting, rowsWritten } = countRows(database);
    expect((await consume([id], { ...bindings, DB: counting })).acknowledged).toEqual([id]);
    expect([rowsWritten(), await historyOf(id)]).toEqual([0, before]);
  });

  test("is acknowledged though the run cannot be told", async () => {
    muteExecutors();
    const projected = vi.spyOn(RunObject.prototype, "projected").mockImplementation(() => {
      throw new Error("overloaded");
    });
    onTestFinished(() => projected.mockRestore());
    const ids = [await startStill(), await startStill()];
    expect(await consume(ids)).toMatchObject({ acknowledged: ids, again: [] });
  });
});

describe("where history fails", () => {
  test("every message is left for later, and nothing is lost", async () => {
    muteExecutors();
    const ids = [await startStill(), await startStill(), await startStill()];
    const { acknowledged, again } = await consume([...ids, ...ids], withoutHistory());
    expect([acknowledged, again.toSorted()]).toEqual([[], [...ids, ...ids].toSorted()]);
    for (const id of ids) expect(await historyOf(id)).toBeUndefined();
    expect((await consume(ids)).acknowledged).toEqual(ids);
    for (const id of ids) expect(await historyOf(id)).toBeDefined();
  });

  test.each([
    [1, 5],
    [2, 10],
    [3, 20],
    [4, 40],
    [5, 60],
    [10, 60],
  ])("after delivery %i the next is %i s later", async (attempts, seconds) => {
    muteExecutors();
    const id = await startStill();
    expect((await consume([id], withoutHistory(), attempts)).delays).toEqual([seconds]);
    const RUNS = new Proxy(bindings.RUNS, {
      get: () => () => ({ project: () => Promise.reject(new Error("overloaded")) }),
    });
    expect((await consume([id], { ...bindings, RUNS }, attempts)).delays).toEqual([seconds]);
  });

  test.each([0, 1, 5, 9])("on one run alone, number %i of ten, it takes the others", async (number) => {
    muteExecutors();
    const ids = await Promise.all(Array.from({ length: 10 }, startStill));
    const poison = ids[number] ?? "";
    const { env, taken } = poisonedBy(poison);
    const { acknowledged, again } = await consume(ids, env);
    const others = ids.filter((id) => id !== poison).toSorted();
    expect([again, acknowledged.toSorted(), taken.toSorted()]).toEqual([[poison], others, others]);
  });

  test("on all of them it is not tried with each", async () => {
    muteExecutors();
    const ids = await Promise.all(Array.from({ length: 20 }, startStill));
    const write = vi.fn(() => Promise.reject(new Error("away")));
    const HISTORIES = new Proxy(bindings.HISTORIES, { get: () => () => ({ write }) });
    const { again } = await consume(ids, { ...bindings, GLEITZEIT_HISTORY: "durable", HISTORIES });
    expect(again).toHaveLength(20);
    expect(write.mock.calls.length).toBeLessThanOrEqual(3);
  });
});

describe("a batch", () => {
  test("has 4 MiB of records at most", async () => {
    muteExecutors();
    const ids = await Promise.all(Array.from({ length: 5 }, () => startEnded(1.5 * MIB)));
    const { env, written } = watchWrites();
    expect((await consume(ids, env)).acknowledged.toSorted()).toEqual(ids.toSorted());
    expect(written.map(({ length }) => length)).toEqual([2, 2, 1]);
  });

  test("has 4 MiB of records and summaries together", async () => {
    muteExecutors();
    const metadata = { text: "m".repeat(LIMITS.metadataBytes - 20) };
    const inputs = { text: "i".repeat(LIMITS.metadataBytes - 20) };
    const summaryBytes = metadata.text.length + inputs.text.length;
    const ids = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const id = newId();
        const definition = definitionOf(workflowOf([echo("a")]), { id, inputs, metadata });
        await runStub(bindings, id).start(definition);
        return id;
      }),
    );
    const { env, written } = watchWrites();
    expect((await consume(ids, env)).acknowledged.toSorted()).toEqual(ids.toSorted());
    for (const batch of written) {
      expect(batch.length * summaryBytes).toBeLessThanOrEqual(LIMITS.historyBatchBytes);
    }
    expect(written.flat().toSorted()).toEqual(ids.toSorted());
  });

  test("of a single run may have a little more, and that is written", async () => {
    muteExecutors();
    // The largest result of which there is a record at all; its summary comes on top.
    const rest = 2000;
    const [id, small] = [await startEnded(LIMITS.historyBatchBytes - rest), await startEnded()];
    const env = { ...bindings, GLEITZEIT_HISTORY: "durable" };
    expect((await consume([id, small], env)).acknowledged.toSorted()).toEqual([id, small].toSorted());
    const found = await openHistory(env, "durable").read(id);
    expect(found?.record.byteLength).toBeGreaterThan(LIMITS.historyBatchBytes - rest);
    expect((await openHistory(env, "durable").read(small))?.record.byteLength).toBeGreaterThan(0);
  });
});

test("a run that history has does not ask again, and one that went on since does", async () => {
  muteExecutors();
  const id = await start(workflowOf([echo("a")]));
  const projection = await runStub(bindings, id).project();
  const player = new Player(id);
  await player.sync();
  await player.complete("a");
  await runStub(bindings, id).projected(projection?.revision ?? 0, false);
  await expect.poll(async () => (await historyOf(id))?.summary.status, { timeout: 15_000 }).toBe("completed");
});
