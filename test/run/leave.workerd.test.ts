/** A run that ended long ago leaves its object, once history has it for good, and nothing stays behind. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { RunId } from "../../src/contract/id.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { unwrap } from "../../src/reply.ts";
import { runStub } from "../../src/stubs.ts";
import { countRows, emptyDatabase } from "../workerd/history-database.ts";
import {
  alarmOf,
  consume,
  DAY_MS,
  later,
  leftOf,
  loseAcknowledgements,
  NOTHING_LEFT,
  ring,
} from "../workerd/history-queue.ts";
import { muteExecutors, Player } from "../workerd/player.ts";
import {
  bindings,
  definitionOf,
  echo,
  finished,
  journalOf,
  objectOf,
  start,
  workflowOf,
} from "../workerd/start.ts";

beforeAll(async () => {
  await emptyDatabase();
});

beforeEach(() => {
  muteExecutors();
});

/** A run that has ended, with a result of so many bytes. */
async function startEnded(bytes = 10): Promise<RunId> {
  const id = await start(workflowOf([echo("a")]));
  const player = new Player(id);
  await player.sync();
  await player.complete("a", "x".repeat(bytes));
  return id;
}

const isThere = async (id: RunId) => (await runStub(bindings, id).view(id)).ok;

/** Each day its alarm rings, if that is due; whether it is there after so many. */
async function isThereAfter(id: RunId, days: number): Promise<boolean> {
  const alarm = await alarmOf(id);
  await later(days * DAY_MS, async () => {
    if (alarm <= Date.now()) await ring(id);
  });
  return await isThere(id);
}

/** What the table says that history has. */
const markOf = (id: RunId) =>
  runInDurableObject(objectOf(id), (_, { storage }) =>
    storage.sql.exec("SELECT part AS revision, at AS kept FROM run WHERE name = 'projected/d1'").toArray(),
  );

/** How often the runs ask history to fetch them. */
function countQuestions(): () => number {
  const send = vi.spyOn(bindings.HISTORY, "send").mockResolvedValue({ metadata: { metrics: METRICS } });
  return () => {
    const { length } = send.mock.calls;
    send.mockClear();
    return length;
  };
}
const METRICS = { backlogCount: 0, backlogBytes: 0, oldestMessageTimestamp: new Date(0) };

describe("a run of which history has all", () => {
  test("and another history had it before the setting was changed, stays until the one of the setting has it", async () => {
    const id = await startEnded();
    await consume([id]);
    await ring(id);
    await runInDurableObject(objectOf(id), (_, { storage }) => {
      storage.sql.exec("UPDATE run SET name = 'projected/durable' WHERE name = 'projected/d1'");
    });
    await evictDurableObject(objectOf(id));
    expect(await isThereAfter(id, 8)).toBe(true);
    await consume([id]);
    expect(await isThereAfter(id, 9)).toBe(false);
  });

  test("leaves 7 days after its end, not earlier", async () => {
    const id = await startEnded();
    await consume([id]);
    await ring(id);
    expect(await isThereAfter(id, 6.99)).toBe(true);
    expect(await isThereAfter(id, 7.01)).toBe(false);
    expect(await leftOf(id)).toEqual(NOTHING_LEFT);
  });

  test("leaves also if it was evicted in between, again and again", async () => {
    const id = await startEnded();
    await consume([id]);
    await ring(id);
    for (const days of [1, 3, 6]) {
      await evictDurableObject(objectOf(id));
      expect(await isThereAfter(id, days)).toBe(true);
    }
    await evictDurableObject(objectOf(id));
    expect(await isThereAfter(id, 7.01)).toBe(false);
    expect(await leftOf(id)).toEqual(NOTHING_LEFT);
  });

  test("leaves nothing of large results, of many attempts and of leases that were kept", async () => {
    const retry = { maxAttempts: 3, baseDelay: 0, jitter: false };
    const id = await start(workflowOf([echo("a", [], { retry }), echo("b")]));
    const player = new Player(id);
    await player.sync();
    await evictDurableObject(objectOf(id));
    await ring(id);
    await player.fail("a", "timeout");
    await player.sync();
    await player.complete("a", "x".repeat(3 * LIMITS.rowBytes));
    await player.complete("b");
    await consume([id]);
    await later(8 * DAY_MS, () => ring(id));
    expect(await leftOf(id)).toEqual(NOTHING_LEFT);
  });

  test("that left writes nothing when it is asked, told or woken", async () => {
    const id = await startEnded();
    await consume([id]);
    await later(8 * DAY_MS, () => ring(id));
    const stub = runStub(bindings, id);
    const answers = await Promise.all([
      stub.view(id),
      stub.view(id, 30_000),
      stub.task(id, "a"),
      stub.workflow(id),
      stub.results(id),
      stub.journal(id, 0, 10),
      stub.follow(id, 0),
      stub.steer(id, { type: "cancel", actor: "test" }),
      stub.steer(id, { type: "retry", actor: "test" }),
    ]);
    for (const answer of answers) expect(answer).toMatchObject({ ok: false, code: "not_found" });
    expect(await stub.project()).toBeUndefined();
    await stub.projected(100, true);
    await stub.wake();
    expect(await new Player(id).sync()).toMatchObject({ work: [], more: false });
    expect((await consume([id])).acknowledged).toEqual([id]);
    expect(await leftOf(id)).toEqual(NOTHING_LEFT);
  });

  test("that left makes room for another in the same object, which is kept as long", async () => {
    const id = await startEnded();
    await consume([id]);
    await later(8 * DAY_MS, () => ring(id));
    const next = id.replace(/^run_.{10}/, "run_7zzzzzzzzz");
    const definition = definitionOf(workflowOf([echo("a")]), { id: next, digest: "another" });
    expect(unwrap(await runStub(bindings, next).start(definition)).replayed).toBe(false);
    const player = new Player(next);
    await player.sync();
    await player.complete("a");
    expect((await journalOf(next)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    await consume([next]);
    await ring(next);
    expect(await isThereAfter(next, 6.99)).toBe(true);
    expect(await isThere(id)).toBe(false);
    expect(await isThereAfter(next, 7.01)).toBe(false);
  });
});

describe("a run of which history has the summary only", () => {
  test("because its record is too large, leaves after 90 days", async () => {
    const id = await startEnded(LIMITS.historyBatchBytes);
    await consume([id]);
    await ring(id);
    expect(await isThereAfter(id, 8)).toBe(true);
    await evictDurableObject(objectOf(id));
    expect(await isThereAfter(id, 89.99)).toBe(true);
    expect(await isThereAfter(id, 90.01)).toBe(false);
    expect(await leftOf(id)).toEqual(NOTHING_LEFT);
  });

  test("because history forgets, leaves after 90 days", async () => {
    const { hear } = loseAcknowledgements();
    const id = await startEnded();
    hear();
    await consume([id], { ...bindings, GLEITZEIT_HISTORY: "memory" });
    loseAcknowledgements();
    expect(await markOf(id)).toMatchObject([{ kept: 0 }]);
    expect(await isThereAfter(id, 89.99)).toBe(true);
    expect(await isThereAfter(id, 90.01)).toBe(false);
  });
});

describe("a run whose last event history has not acknowledged", () => {
  test("never leaves, and asks on", async () => {
    loseAcknowledgements();
    const asked = countQuestions();
    const id = await startEnded();
    expect(asked()).toBe(1);
    for (const days of [1, 8, 91, 1000]) {
      expect(await isThereAfter(id, days)).toBe(true);
      expect(asked()).toBeGreaterThan(0);
    }
    expect(await alarmOf(id)).toBeLessThan(Infinity);
  });

  test("never leaves where history has all but that one", async () => {
    const { hear } = loseAcknowledgements();
    const id = await startEnded();
    hear();
    await runStub(bindings, id).projected((await journalOf(id)).length - 1, true);
    loseAcknowledgements();
    expect(await isThereAfter(id, 91)).toBe(true);
  });
});

describe("a retry before then", () => {
  test("keeps the run, which leaves 7 days after its second end", async () => {
    const id = await startEnded();
    await consume([id]);
    await ring(id);
    const day = 6 * DAY_MS;
    await later(day, async () => {
      unwrap(await runStub(bindings, id).steer(id, { type: "retry", actor: "test", from: "a" }));
    });
    await evictDurableObject(objectOf(id));
    await later(day + 60_000, async () => {
      const player = new Player(id, "executor-1.bob");
      await player.sync();
      await player.complete("a", "again");
    });
    expect(await finished(id)).toMatchObject({ status: "completed", generation: 2 });
    expect(await isThereAfter(id, 7.01)).toBe(true);
    await later(day + 70_000, async () => {
      await consume([id]);
      await ring(id);
    });
    expect(await isThereAfter(id, 12.99)).toBe(true);
    expect(await isThereAfter(id, 13.01)).toBe(false);
  });
});

describe("the mark that history has the run", () => {
  test("is written when history says so, with the alarm for leaving in place of any other", async () => {
    const id = await startEnded();
    expect(await markOf(id)).toEqual([]);
    await consume([id]);
    expect(await markOf(id)).toEqual([{ revision: (await journalOf(id)).length, kept: 1 }]);
    expect(await alarmOf(id)).toBeGreaterThan(Date.now() + 6.9 * DAY_MS);
  });

  test("spares a run that is loaded later the question", async () => {
    const asked = countQuestions();
    const id = await startEnded();
    await consume([id]);
    asked();
    await evictDurableObject(objectOf(id));
    await runStub(bindings, id).wake();
    expect(asked()).toBe(0);
  });

  test("is not there where the word of history got lost: it is asked once more, and writes nothing", async () => {
    const asked = countQuestions();
    const { hear } = loseAcknowledgements();
    const id = await startEnded();
    await consume([id]);
    hear();
    await evictDurableObject(objectOf(id));
    asked();
    await later(60_000, () => ring(id));
    expect(asked()).toBe(1);
    const { database, rowsWritten } = countRows(bindings.DB);
    await later(62_000, () => consume([id], { ...bindings, DB: database }));
    expect(rowsWritten()).toBe(0);
    expect(await markOf(id)).toMatchObject([{ kept: 1 }]);
    await evictDurableObject(objectOf(id));
    await later(DAY_MS, async () => await runStub(bindings, id).wake());
    expect(asked()).toBe(0);
    expect(await isThereAfter(id, 7.01)).toBe(false);
  });

  test("is of runs that ended: one that is paused has none, and asks again when it goes on", async () => {
    const id = await start(workflowOf([echo("a")]));
    unwrap(await runStub(bindings, id).steer(id, { type: "pause", actor: "test" }));
    await consume([id]);
    for (const minutes of [1, 10]) await later(minutes * 60_000, () => ring(id));
    expect(await markOf(id)).toEqual([]);
  });
});

describe("to be woken", () => {
  test("lets a run do what is due", async () => {
    const id = await start(workflowOf([echo("a")]));
    await new Player(id).sync();
    await later(60_000, async () => await runStub(bindings, id).wake());
    expect((await journalOf(id)).slice(-2)).toMatchObject([
      { type: "task.retrying" },
      { type: "task.queued" },
    ]);
  });

  test("changes nothing where nothing is due", async () => {
    const id = await startEnded();
    const before = await journalOf(id);
    await runStub(bindings, id).wake();
    expect(await journalOf(id)).toEqual(before);
  });

  test("keeps a run that should have left until its alarm", async () => {
    const id = await startEnded();
    await consume([id]);
    await later(8 * DAY_MS, async () => await runStub(bindings, id).wake());
    expect(await alarmOf(id)).toBeLessThan(Infinity);
    await later(8 * DAY_MS, () => ring(id));
    expect(await leftOf(id)).toEqual(NOTHING_LEFT);
  });
});
