/** What a run writes, and that it is the run: whatever becomes of the object's memory. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { encodeJson } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { unwrap } from "../../src/reply.ts";
import { RunObject } from "../../src/run/run-object.ts";
import { RunStorage } from "../../src/run/run-storage.ts";
import { runStub } from "../../src/stubs.ts";
import { muteExecutors, Player } from "../workerd/player.ts";
import {
  bindings,
  chain,
  definitionOf,
  echo,
  finished,
  journalOf,
  newId,
  objectOf,
  start,
  workflowOf,
} from "../workerd/start.ts";

const evict = (id: string) => evictDurableObject(objectOf(id));

/** How many rows the run has: of its journal, and of results that are too large to stand there. */
async function rowsOf(id: string): Promise<{ journal: number; result: number }> {
  return await runInDurableObject(objectOf(id), (_, { storage }) => {
    const count = (like: string) =>
      Number(storage.sql.exec("SELECT count(*) AS n FROM run WHERE name LIKE ?", like).one()["n"]);
    return { journal: count("journal"), result: count("result/%") };
  });
}

/** Lets the run's next saves fail, by a trigger in its own database, or succeed again. */
async function refuseSaves(id: string, refuse: boolean): Promise<void> {
  const statement = refuse
    ? "CREATE TRIGGER refuse BEFORE INSERT ON run BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    : "DROP TRIGGER refuse";
  await runInDurableObject(objectOf(id), (_, { storage }) => void storage.sql.exec(statement));
}

const gapless = (entries: { seq: number }[]) => entries.every(({ seq }, index) => seq === index + 1);

describe("real executors carry through", () => {
  test("a chain, each task after the one before", async () => {
    const id = await start(workflowOf(chain(20)));
    const run = await finished(id);
    expect(run.status).toBe("completed");
    expect(run.outputs).toEqual({ t19: { response: "t19", message: "t19" } });
    const ended = (await journalOf(id)).flatMap((entry) =>
      entry.type === "task.completed" ? [entry.taskId] : [],
    );
    expect(ended).toEqual(chain(20).map((task) => task.id));
  });

  test("a fan-out", async () => {
    const tasks = [echo("root"), ...Array.from({ length: 100 }, (_, i) => echo(`t${i}`, ["root"]))];
    const run = await finished(await start(workflowOf(tasks)));
    expect([run.status, run.progress.completed]).toEqual(["completed", 101]);
    expect(run.tasks.every(({ attemptCount }) => attemptCount === 1)).toBe(true);
  });

  test("a run whose object is evicted again and again, with no gap in its journal", async () => {
    const id = await start(workflowOf(chain(12)));
    for (let times = 0; times < 100; times++) {
      await evict(id);
      if (unwrap(await runStub(bindings, id).view(id)).status === "completed") break;
    }
    const run = await finished(id);
    expect(run.progress.completed).toBe(12);
    expect(gapless(await journalOf(id))).toBe(true);
  });
});

describe("rows, which are the price", () => {
  test("a chain of 100 costs one for each task, with its small result, and a handful", async () => {
    const id = await start(workflowOf(chain(100)));
    await finished(id);
    const { journal, result } = await rowsOf(id);
    expect(result).toBe(0);
    expect(journal).toBeLessThanOrEqual(100 + 3);
  });

  test("a fan-out costs few for what happened at the same time, small results and all", async () => {
    const id = await start(workflowOf(Array.from({ length: 100 }, (_, i) => echo(`t${i}`))));
    await finished(id);
    const { journal, result } = await rowsOf(id);
    expect(result).toBe(0);
    expect(journal).toBeLessThanOrEqual(20);
  });

  test("what changes nothing costs none: renewals, offers, duplicates, questions", async () => {
    muteExecutors();
    const id = await start(
      workflowOf([echo("a"), echo("b", [], { method: "llm/chat", protocol: "llm/v1" })]),
    );
    const player = new Player(id);
    await player.sync();
    const before = await rowsOf(id);
    for (let times = 0; times < 5; times++) await player.sync();
    await new Player(id, "executor-1.bob").sync();
    await runStub(bindings, id).slot("no such lane", true);
    await runStub(bindings, id).view(id);
    expect(await rowsOf(id)).toEqual(before);
  });
});

describe("a result", () => {
  test.each([
    ["exactly a row", LIMITS.rowBytes, 1],
    ["one byte more than a row", LIMITS.rowBytes + 1, 2],
    ["as large as is kept", LIMITS.resultBytes, 8],
  ])("of %s is kept in parts and read whole, by clients and by the next task", async (_, bytes, parts) => {
    muteExecutors();
    const after = echo("b", ["a"], { params: { message: "${a}" } });
    const id = await start(workflowOf([echo("a"), after]));
    const player = new Player(id);
    await player.sync();
    // Two bytes are the quotes; a character of several bytes lies across the cut.
    const text = `é${"x".repeat(bytes - 4)}`;
    expect(encodeJson(text).byteLength).toBe(bytes);
    const { work } = await player.complete("a", text);
    expect((await rowsOf(id)).result).toBe(parts);
    expect(work[0]?.kind === "call" && work[0].params.byteLength).toBe(bytes + '{"message":}'.length);
    await evict(id);
    await player.complete("b", "short");
    const results = await new Response(unwrap(await runStub(bindings, id).results(id))).json();
    expect(results).toEqual({ a: text, b: "short" });
  });
});

describe("the results of a run", () => {
  const resultsOf = async (id: string) => unwrap(await runStub(bindings, id).results(id));

  test("are none before a task has completed", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a")]));
    expect(await new Response(await resultsOf(id)).json()).toEqual({});
  });

  test("are those of completed tasks while others run", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a"), echo("b")]));
    const player = new Player(id);
    await player.sync();
    await player.complete("a", null);
    expect(await new Response(await resultsOf(id)).json()).toEqual({ a: null });
  });

  test("come whole also where the run is retried while they are read", async () => {
    muteExecutors();
    const id = await start(workflowOf(chain(3)));
    const player = new Player(id);
    await player.sync();
    // Larger than what is read ahead, so that the rest is read after the retry.
    const large = "x".repeat(LIMITS.rowBytes);
    for (const task of ["t0", "t1", "t2"]) await player.complete(task, large);
    const body = await resultsOf(id);
    unwrap(await runStub(bindings, id).steer(id, { type: "retry", actor: "test", from: "t0" }));
    expect(Object.keys(await new Response(body).json())).toEqual(["t0", "t1", "t2"]);
  });
});

describe("a run whose object is evicted between any two steps", () => {
  test("goes on where it was, and tells the same journal", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a"), echo("b", ["a"]), echo("c", ["b"])]));
    const player = new Player(id);
    const told: string[] = [];
    for (const step of ["", "a", "b", "c"]) {
      await evict(id);
      if (step === "") await player.sync();
      else await player.complete(step);
      await evict(id);
      const journal = await journalOf(id);
      expect(gapless(journal)).toBe(true);
      // What was told once is never told differently.
      const lines = journal.map((entry) => JSON.stringify(entry));
      expect(lines.slice(0, told.length)).toEqual(told);
      told.splice(0, told.length, ...lines);
    }
    expect((await finished(id)).status).toBe("completed");
  });
});

describe("a save that fails", () => {
  test("undoes the command whole, aborts the object, and the same said again is taken", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a"), echo("b", ["a"])]));
    const player = new Player(id);
    await player.sync();
    const before = await rowsOf(id);
    await refuseSaves(id, true);
    const outcome = { kind: "completed", result: encodeJson("done") } as const;
    const ended = [{ ...player.ref("a"), outcome }];
    await expect(player.sync({ ended })).rejects.toThrow(/the disk is full/);
    // Memory was ahead; what is read now comes from the disk.
    const view = unwrap(await runStub(bindings, id).task(id, "a"));
    expect(JSON.parse(new TextDecoder().decode(view)).status).toBe("running");
    expect(await rowsOf(id)).toEqual(before);
    await refuseSaves(id, false);
    const { work } = await player.sync({ ended });
    expect(work.map(({ taskId }) => taskId)).toEqual(["b"]);
    await player.complete("b");
    expect(gapless(await journalOf(id))).toBe(true);
  });

  test("of the start leaves nothing, and the start may be said again", async () => {
    const id = newId();
    const definition = definitionOf(workflowOf([echo("a")]), { id });
    const append = vi.spyOn(RunStorage.prototype, "append").mockImplementationOnce(() => {
      throw new Error("the disk is full");
    });
    onTestFinished(() => append.mockRestore());
    // From within, where its rejection is heard: the abort cuts the way to a caller outside.
    const failed = runInDurableObject(objectOf(id), async (run) => {
      if (run instanceof RunObject) await run.start(definition).catch(() => {});
    });
    await expect(failed).rejects.toThrow(/the disk is full/);
    expect(await runStub(bindings, id).view(id)).toMatchObject({ ok: false, code: "not_found" });
    expect(unwrap(await runStub(bindings, id).start(definition)).replayed).toBe(false);
    expect((await finished(id)).status).toBe("completed");
  });
});
