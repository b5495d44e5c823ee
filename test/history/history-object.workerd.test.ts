/** What waits for D1: that it gets there, when, and that nothing strands it. */
import { runInDurableObject } from "cloudflare:test";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LIMITS, TIMING } from "../../src/contract/limits.ts";
import { d1History } from "../../src/history/d1.ts";
import { HistoryObject } from "../../src/history/history-object.ts";
import { historyOf, openHistory } from "../../src/history/open.ts";
import type { Projection, RunHistory } from "../../src/history/run-history.ts";
import { bindings } from "../workerd/start.ts";
import {
  brokenDatabase,
  moveTables,
  objectOf,
  openWaiting,
  unload,
  type Waiting,
  whileAway,
} from "../workerd/waiting.ts";
import { inOrder, listModel, type Model, walkList, walkPages, writeModel } from "./model.ts";
import { sampleProjection, sampleRun } from "./sample.ts";

let waiting: Waiting;
beforeEach(async () => {
  for (const level of ["warn", "error"] as const) vi.spyOn(console, level).mockImplementation(() => {});
  waiting = await openWaiting();
});
afterEach(() => void vi.restoreAllMocks());

const PAGE = LIMITS.historyBatchRuns;
const runsOf = (count: number, revision = 5): Projection[] =>
  Array.from({ length: count }, (_, number) => sampleProjection(sampleRun(number), revision));
const inD1 = async () => (await walkPages(d1History(bindings.DB))).flat();
const inWaiting = async () => (await walkPages(waiting.rpc)).flat();
const NOTHING = { runs: 0, since: undefined };

/** Until none is set. */
async function ringOut(): Promise<number> {
  for (let rings = 0; rings < 20; rings++) {
    if ((await waiting.ringsIn()) === undefined) return rings;
    await waiting.ring();
  }
  throw new Error("the alarm rings without end");
}

async function refuseInD1<Value>(ids: string[], work: () => Promise<Value>): Promise<Value> {
  const list = ids.map((id) => `'${id}'`).join(", ");
  await bindings.DB.prepare(
    `create trigger refuse before insert on runs when new.id in (${list}) begin select raise(abort, 'no'); end`,
  ).run();
  return await work().finally(() => bindings.DB.prepare("drop trigger refuse").run());
}

describe("while nothing waits", () => {
  test("no alarm is set, whatever is asked", async () => {
    await waiting.rpc.list({}, { limit: 5 });
    await waiting.rpc.read(sampleRun(1).id);
    expect(await waiting.rpc.waiting()).toEqual(NOTHING);
    await waiting.evict();
    expect(await waiting.rpc.waiting()).toEqual(NOTHING);
    expect(await waiting.ringsIn()).toBeUndefined();
  });
});

describe("what waits", () => {
  test("is tried 5 s after it came, and what comes later does not put that off", async () => {
    const since = waiting.clock.now;
    await waiting.rpc.write(runsOf(1));
    expect(await waiting.ringsIn()).toBe(TIMING.drainMs / 1000);
    waiting.clock.now += 3000;
    await waiting.rpc.write(runsOf(2));
    expect(await waiting.ringsIn()).toBe(2);
    expect(await waiting.rpc.waiting()).toEqual({ runs: 2, since });
  });

  test("is tried again after 10, 20, 40 and then 60 s while D1 fails, and is all there", async () => {
    await waiting.rpc.write(runsOf(3));
    await whileAway(async () => {
      const pauses: (number | undefined)[] = [];
      for (let count = 0; count < 5; count++) {
        await waiting.ring();
        pauses.push(await waiting.ringsIn());
      }
      expect(pauses).toEqual([10, 20, 40, 60, 60]);
    });
    expect(await inWaiting()).toEqual(runsOf(3));
    await ringOut();
    expect([await inD1(), await inWaiting()]).toEqual([runsOf(3), []]);
  });

  test("goes page after page without a pause, and then no alarm and no since are left", async () => {
    const runs = runsOf(2 * PAGE + 10);
    for (let start = 0; start < runs.length; start += PAGE)
      await waiting.rpc.write(runs.slice(start, start + PAGE));
    const begun = waiting.clock.now + TIMING.drainMs;
    expect(await ringOut()).toBe(4);
    expect(waiting.clock.now).toBe(begun);
    expect([await inD1(), await inWaiting()]).toEqual([runs, []]);
    expect(await waiting.rpc.waiting()).toEqual(NOTHING);
  });

  test("is counted since the first of what waits now, not of what waited once", async () => {
    await waiting.rpc.write(runsOf(1));
    await ringOut();
    waiting.clock.now += 60_000;
    await waiting.rpc.write(runsOf(1, 9));
    expect(await waiting.rpc.waiting()).toEqual({ runs: 1, since: waiting.clock.now });
    expect(await waiting.ringsIn()).toBe(5);
  });

  test("goes to D1 all the same, though one run in it is never taken", async () => {
    const runs = runsOf(PAGE + 5);
    await waiting.rpc.write(runs.slice(0, PAGE));
    await waiting.rpc.write(runs.slice(PAGE));
    const poison = runs[2]?.summary.id ?? "";
    await refuseInD1([poison], async () => {
      for (let rings = 0; rings < 4; rings++) await waiting.ring();
      expect(await inD1()).toEqual(runs.filter(({ summary }) => summary.id !== poison));
      expect(await waiting.rpc.waiting()).toMatchObject({ runs: 1 });
      expect(await waiting.ringsIn()).toBeGreaterThan(0);
    });
    await ringOut();
    expect([await inD1(), await inWaiting()]).toEqual([runs, []]);
  });

  test("takes nothing back from D1: of what went there in the meantime the later version stays", async () => {
    await waiting.rpc.write(runsOf(2));
    await d1History(bindings.DB).write(runsOf(1, 9));
    await ringOut();
    expect(await inD1()).toEqual([...runsOf(1, 9), ...runsOf(2).slice(1)]);
  });
});

describe("nothing is stranded", () => {
  test("by an eviction between two pages", async () => {
    await waiting.rpc.write(runsOf(PAGE));
    await waiting.rpc.write(runsOf(PAGE + 5).slice(PAGE));
    await waiting.ring();
    await waiting.evict();
    await ringOut();
    expect([await inD1(), await inWaiting()]).toEqual([runsOf(PAGE + 5), []]);
  });

  test("by an end between D1's write and the removal here: it goes once more", async () => {
    await waiting.rpc.write(runsOf(3));
    await d1History(bindings.DB).write(runsOf(3));
    await ringOut();
    expect([await inD1(), await inWaiting()]).toEqual([runsOf(3), []]);
  });

  test("by an end after the alarm was set and before anything was written: it rings for nothing", async () => {
    await waiting.storage(async (storage) => {
      storage.kv.put("since", waiting.clock.now);
      await storage.setAlarm(waiting.clock.now + 5000);
    });
    expect(await waiting.rpc.waiting()).toEqual(NOTHING);
    expect(await ringOut()).toBe(1);
    await waiting.rpc.write(runsOf(1));
    expect(await waiting.ringsIn()).toBe(5);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["the next that comes", () => waiting.rpc.write(runsOf(1))],
    [
      "whoever asks the object when it is loaded again",
      () => waiting.evict().then(() => waiting.rpc.waiting()),
    ],
  ])("by an alarm that is lost: %s sets it again", async (_name, act) => {
    await waiting.rpc.write(runsOf(1));
    await waiting.storage((storage) => storage.deleteAlarm());
    await act();
    expect(await waiting.ringsIn()).toBe(5);
  });

  test("by a storage that fails in the alarm, which throws nothing and tries again later", async () => {
    await waiting.rpc.write(runsOf(1));
    await waiting.storage((storage) => storage.sql.exec("alter table run_records rename to elsewhere"));
    await waiting.ring();
    expect(await waiting.ringsIn()).toBe(10);
    await waiting.storage((storage) => storage.sql.exec("alter table elsewhere rename to run_records"));
    await ringOut();
    expect(await inD1()).toEqual(runsOf(1));
  });

  test("by what arrives while a page is on its way to D1", async () => {
    await waiting.rpc.write(runsOf(2));
    const ringing = waiting.ring();
    await waiting.rpc.write(runsOf(3, 9));
    await ringing;
    await ringOut();
    expect([await inD1(), await inWaiting()]).toEqual([runsOf(3, 9), []]);
  });
});

describe(`no more than ${LIMITS.waitingRuns} runs wait`, () => {
  const pretend = (count: number) =>
    waiting.storage((storage) => storage.sql.exec("update run_counts set count = ?", count));

  /** From inside: what is thrown over RPC counts as unhandled on the other side. */
  const refusalOf = (batch: Projection[]) =>
    runInDurableObject(objectOf("waiting"), async (object) => {
      if (object instanceof HistoryObject) await object.write(batch);
    }).catch((error: unknown) => error);

  test.each([
    [LIMITS.waitingRuns - 1, 2],
    [LIMITS.waitingRuns, 1],
  ])("where %d do, %d more are refused", async (count, more) => {
    await waiting.rpc.write([sampleProjection(sampleRun(90))]);
    await pretend(count);
    expect(await refusalOf(runsOf(more))).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining(`${LIMITS.waitingRuns} runs wait`),
    });
    expect(await inWaiting()).toHaveLength(1);
  });

  test("and as many may", async () => {
    await waiting.rpc.write([sampleProjection(sampleRun(90))]);
    await pretend(LIMITS.waitingRuns - 2);
    await waiting.rpc.write(runsOf(2));
    expect(await waiting.rpc.waiting()).toMatchObject({ runs: LIMITS.waitingRuns });
  });
});

describe("the objects that are backends of their own", () => {
  test.each(["durable", "memory"] as const)(
    "%s keeps what it is given, and brings it nowhere",
    async (name) => {
      await openHistory(bindings, name).write(runsOf(3));
      const alarm = await runInDurableObject(objectOf(name), (_, { storage }) => storage.getAlarm());
      expect(alarm).toBeNull();
      expect(await openHistory(bindings, name).page(undefined)).toEqual(runsOf(3));
      expect(await waiting.rpc.waiting()).toEqual(NOTHING);
    },
  );

  test("durable has it when it is loaded again, memory has forgotten it", async () => {
    for (const name of ["durable", "memory"] as const) {
      await openHistory(bindings, name).write(runsOf(3));
      await unload(name);
    }
    expect(await openHistory(bindings, "durable").page(undefined)).toEqual(runsOf(3));
    expect(await openHistory(bindings, "memory").page(undefined)).toEqual([]);
  });
});

describe("whatever happens", () => {
  const version = fc.tuple(fc.nat(5), fc.integer({ min: 1, max: 5 }));
  const deed = fc.oneof(
    { weight: 5, arbitrary: fc.record({ write: fc.array(version, { minLength: 1, maxLength: 3 }) }) },
    { weight: 3, arbitrary: fc.constantFrom("ring", "leave", "return", "evict", "pass") },
    { weight: 1, arbitrary: fc.constant("lose the alarm") },
  );
  type Deed = typeof deed extends fc.Arbitrary<infer Kind> ? Kind : never;
  let history: RunHistory;
  let isAway = false;

  const setAway = async (wanted: boolean) => {
    if (wanted !== isAway) await (wanted ? moveTables("", "away_") : moveTables("away_", ""));
    isAway = wanted;
  };

  async function act(deed: Deed, model: Model): Promise<void> {
    if (typeof deed === "object") {
      const batch = deed.write.map(([number, revision]) => sampleProjection(sampleRun(number), revision));
      await history.write(batch);
      return writeModel(model, batch);
    }
    if (deed === "ring" && (await waiting.ringsIn()) !== undefined) await waiting.ring();
    if (deed === "evict") await waiting.evict();
    if (deed === "lose the alarm") await waiting.storage((storage) => storage.deleteAlarm());
    if (deed === "pass") waiting.clock.now += TIMING.historyTrialMs;
    if (deed === "leave" || deed === "return") await setAway(deed === "leave");
  }

  test("every run is read in its last version at any moment, and in the end D1 has them all and nothing waits", async () => {
    const property = fc.asyncProperty(fc.array(deed, { maxLength: 20, size: "max" }), async (deeds) => {
      vi.restoreAllMocks();
      vi.spyOn(console, "warn").mockImplementation(() => {});
      waiting = await openWaiting();
      // A proxy of its own: nobody remembers that it failed.
      history = historyOf(brokenDatabase({ isBroken: false }));
      const model: Model = new Map();
      for (const deed of deeds) {
        await act(deed, model);
        if (isAway) continue;
        for (const [id, projection] of model) expect(await history.read(id)).toEqual(projection);
        expect(await walkList(history, {}, 2)).toEqual(listModel(model, {}));
      }
      await setAway(false);
      await waiting.evict();
      await waiting.rpc.waiting();
      await ringOut();
      expect([await inD1(), await inWaiting()]).toEqual([inOrder(model), []]);
      expect((await d1History(bindings.DB).count()).completed).toBe(model.size);
    });
    await fc.assert(property, { seed: 4, numRuns: 40 });
  });
});
