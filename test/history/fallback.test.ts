/** Two histories as one: which of them is written, what both say together, and what is said where one is silent. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LIMITS, TIMING } from "../../src/contract/limits.ts";
import type { RunSummary } from "../../src/contract/run.ts";
import { drainPage } from "../../src/history/drain.ts";
import { withFallback } from "../../src/history/fallback.ts";
import { memoryHistory } from "../../src/history/memory.ts";
import type { Projection, RunFilter, RunHistory } from "../../src/history/run-history.ts";
import { listModel, walkList } from "./model.ts";
import { NOON, sampleProjection, sampleRun } from "./sample.ts";
import { describeLists } from "./suite-lists.ts";
import { allOf, inFakeTime, latestOf, type Mood, narrow, type Troubled, troubled } from "./troubled.ts";

const AWAY: Mood[] = ["refusing", "silent", "late"];
const HOUR_MS = 3_600_000;

let main: Troubled;
let waiting: Troubled;
let history: RunHistory;

beforeEach(() => {
  vi.useFakeTimers({ now: NOON });
  vi.spyOn(console, "warn").mockImplementation(() => {});
  open(memoryHistory(), memoryHistory());
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function open(first: RunHistory, second: RunHistory): void {
  main = troubled(first);
  waiting = troubled(second);
  history = withFallback(main.history, waiting.history, { failedAt: Number.NEGATIVE_INFINITY });
}

const running = (number: number, differing: Partial<RunSummary> = {}): RunSummary => {
  const { finishedAt: _, ...run } = sampleRun(number, { status: "running", ...differing });
  return run;
};
const one = sampleProjection(sampleRun(1));
const idsIn = (runs: RunSummary[]) => runs.map(({ id }) => id);
const UNAVAILABLE = { code: "unavailable", name: "GleitzeitError" };

describe("a batch", () => {
  it("goes to the first alone while that takes it", async () => {
    await history.write([one]);
    expect([await allOf(main.inside), await allOf(waiting.inside)]).toEqual([[one], []]);
  });

  it.each(AWAY)("goes to the second where the first is %s, and is there 2 s later at most", async (mood) => {
    main.mood = mood;
    const written = history.write([one]);
    await vi.advanceTimersByTimeAsync(TIMING.historySlowMs);
    await written;
    expect(await allOf(waiting.inside)).toEqual([one]);
  });

  it("that the first takes after all, later, is harmless", async () => {
    main.mood = "late";
    await inFakeTime(history.write([one]));
    const next = sampleProjection(sampleRun(1), 9);
    main.mood = "well";
    await main.inside.write([next]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await allOf(main.inside)).toEqual([next]);
    expect(await history.read(one.summary.id)).toEqual(next);
  });

  it("does not try the first for 10 s after it failed, and then does", async () => {
    main.mood = "refusing";
    await history.write([one]);
    main.mood = "well";
    await vi.advanceTimersByTimeAsync(TIMING.historyTrialMs - 1);
    await history.write([sampleProjection(sampleRun(2))]);
    expect(main.calls).toEqual(["write"]);
    await vi.advanceTimersByTimeAsync(1);
    await history.write([sampleProjection(sampleRun(3))]);
    expect(idsIn((await allOf(main.inside)).map(({ summary }) => summary))).toEqual([sampleRun(3).id]);
  });

  it.each(["list", "read", "count"] as const)(
    "does not try the first after a %s failed there",
    async (name) => {
      main.mood = "refusing";
      await (name === "list" ? history.list({}, { limit: 1 }) : history[name]("run_")).catch(() => {});
      main.mood = "well";
      await history.write([one]);
      expect(await allOf(waiting.inside)).toEqual([one]);
    },
  );

  it.each(["refusing", "silent"] as const)(
    "that the second does not take either is refused: %s",
    async (mood) => {
      [main.mood, waiting.mood] = [mood, mood];
      await expect(inFakeTime(history.write([one]))).rejects.toMatchObject({ code: "unavailable" });
    },
  );
});

describe("a list", () => {
  const newer = sampleProjection(sampleRun(2, {}, NOON + 1));

  it("has what both have, newest first, and says nothing of it", async () => {
    await main.inside.write([one]);
    await waiting.inside.write([newer]);
    expect(await history.list({}, { limit: 5 })).toEqual({
      items: [newer.summary, one.summary],
      nextCursor: null,
    });
  });

  it.each(["refusing", "silent"] as const)(
    "has what waits alone where the first is %s, and says so",
    async (mood) => {
      await main.inside.write([one]);
      await waiting.inside.write([newer, sampleProjection(running(3))]);
      main.mood = mood;
      expect(await inFakeTime(history.list({ status: "completed" }, { limit: 1 }))).toEqual({
        items: [newer.summary],
        nextCursor: null,
        notice: expect.stringContaining("database does not answer"),
      });
    },
  );

  it.each(["refusing", "silent"] as const)(
    "has what the first has where the second is %s, and says so",
    async (mood) => {
      await main.inside.write([one]);
      waiting.mood = mood;
      const listed = await inFakeTime(history.list({}, { limit: 5 }));
      expect(listed).toEqual({
        items: [one.summary],
        nextCursor: null,
        notice: expect.stringContaining("waits"),
      });
    },
  );

  it.each(["refusing", "silent"] as const)("is unavailable where both are %s", async (mood) => {
    [main.mood, waiting.mood] = [mood, mood];
    await expect(inFakeTime(history.list({}, { limit: 5 }))).rejects.toMatchObject(UNAVAILABLE);
  });

  it.each(["well", "refusing"] as const)(
    "refuses what is wrong with it though the first is %s, whose fault it is not",
    async (mood) => {
      main.mood = mood;
      const wrong = { code: "invalid_request" };
      await expect(history.list({}, { limit: 5, cursor: "x" })).rejects.toMatchObject(wrong);
      await expect(history.list({ since: "x" }, { limit: 5 })).rejects.toMatchObject(wrong);
      main.mood = "well";
      await history.write([one]);
      expect(await allOf(main.inside)).toEqual([one]);
    },
  );

  it.each(["first", "second"])(
    "has the later version of a run that both have, in the %s, though only its revision says that it is",
    async (place) => {
      const [old, latest] = place === "first" ? [waiting, main] : [main, waiting];
      const later = running(1, { status: "paused" });
      await old.inside.write([sampleProjection(running(1), 3)]);
      await latest.inside.write([sampleProjection(later, 4)]);
      expect((await history.list({}, { limit: 5 })).items).toEqual([later]);
    },
  );

  it("by status has no run whose later version has another one, whichever has that", async () => {
    await main.inside.write([sampleProjection(running(1), 3), sampleProjection(sampleRun(2), 9)]);
    await waiting.inside.write([sampleProjection(sampleRun(1), 9), sampleProjection(running(2), 3)]);
    expect((await history.list({ status: "running" }, { limit: 5 })).items).toEqual([]);
    expect(idsIn((await history.list({ status: "completed" }, { limit: 5 })).items)).toEqual(
      idsIn([sampleRun(2), sampleRun(1)]),
    );
  });

  it("shows runs as they were listed where reading them takes too long", async () => {
    await main.inside.write([sampleProjection(running(1), 3)]);
    await waiting.inside.write([sampleProjection(running(1, { status: "paused" }), 4)]);
    vi.spyOn(main.history, "read").mockImplementation(() => new Promise(() => {}));
    const { items } = await inFakeTime(history.list({}, { limit: 5 }));
    expect(idsIn(items)).toEqual([one.summary.id]);
  });

  it("sees a run that is brought from the second to the first at any moment of it", async () => {
    for (const moment of [0, 1]) {
      open(memoryHistory(), memoryHistory());
      await waiting.inside.write([one]);
      let asked = 0;
      for (const side of [main, waiting]) {
        const { list } = side.history;
        side.history.list = async (...given) => {
          if (asked++ === moment) await drainPage(waiting.inside, main.inside, undefined);
          return await list(...given);
        };
      }
      history = withFallback(main.history, waiting.history, { failedAt: 0 });
      expect((await history.list({}, { limit: 5 })).items).toEqual([one.summary]);
    }
  });
});

describe("a run", () => {
  it("is read in the later version, whichever has it", async () => {
    const later = sampleProjection(sampleRun(1), 9);
    await main.inside.write([one]);
    await waiting.inside.write([later]);
    expect(await history.read(one.summary.id)).toEqual(later);
    await main.inside.write([sampleProjection(sampleRun(1), 11)]);
    expect((await history.read(one.summary.id))?.revision).toBe(11);
  });

  it("that waits is read while the first is away, and one in the first while the second is", async () => {
    await waiting.inside.write([one]);
    main.mood = "silent";
    expect(await inFakeTime(history.read(one.summary.id))).toEqual(one);
    open(memoryHistory(), memoryHistory());
    await main.inside.write([one]);
    waiting.mood = "silent";
    expect(await inFakeTime(history.read(one.summary.id))).toEqual(one);
  });

  it("that goes on, as the one has it, may have ended in the other: that is not said while the other is away", async () => {
    const going = { ...sampleRun(1), status: "running" as const };
    await main.inside.write([{ revision: 2, summary: going, record: new Uint8Array() }]);
    await waiting.inside.write([one]);
    expect(await history.read(going.id)).toEqual(one);
    waiting.mood = "refusing";
    await expect(history.read(going.id)).rejects.toMatchObject(UNAVAILABLE);
  });

  it("is not there only where both say so", async () => {
    expect(await history.read(one.summary.id)).toBeUndefined();
    for (const away of [main, waiting]) {
      away.mood = "refusing";
      await expect(history.read(one.summary.id)).rejects.toMatchObject(UNAVAILABLE);
      away.mood = "well";
    }
  });
});

describe("both together", () => {
  /** Batches go to the one and the other in turn. */
  describeLists(async () => {
    vi.useRealTimers();
    open(memoryHistory(), memoryHistory());
    let turn = 0;
    const write: RunHistory["write"] = (batch) => (turn++ % 2 === 0 ? main : waiting).inside.write(batch);
    const remove: RunHistory["remove"] = async (versions) => {
      await Promise.all([main.inside.remove(versions), waiting.inside.remove(versions)]);
    };
    return { ...history, write, remove };
  });
});

describe("whatever happens", () => {
  const RUNS = 8;
  const RUNS_OF_IT = 300;
  /** Of one generation each: it runs, is paused, looks as at first, is paused, ends. */
  const PLACES = ["running", "paused", "running", "paused", "ended"] as const;

  function projectionOf(number: number, revision: number): Projection {
    const place = PLACES[(revision - 1) % PLACES.length];
    const generation = Math.ceil(revision / PLACES.length);
    const ended = number % 2 === 0 ? "completed" : "failed";
    const workflow = { name: number % 3 === 0 ? "greet" : "report" };
    const createdAtMs = NOON + Math.floor(number / 2) * HOUR_MS;
    const status = place === "ended" || place === undefined ? ended : place;
    const { finishedAt, ...run } = sampleRun(number, { status, generation, workflow }, createdAtMs);
    if (status !== ended) return { revision, summary: run, record: new Uint8Array() };
    return sampleProjection({ ...run, ...(finishedAt && { finishedAt }) }, revision, { number, revision });
  }

  const version = fc.tuple(fc.nat(RUNS - 1), fc.integer({ min: 1, max: 12 }));
  const mood = fc.constantFrom<Mood>("well", "well", "refusing", "silent", "late");
  const hour = fc.nat(4).map((hours) => new Date(NOON + hours * HOUR_MS).toISOString());
  const filter: fc.Arbitrary<RunFilter> = fc.record({
    status: fc.constantFrom(undefined, "running", "paused", "completed", "failed"),
    workflow: fc.constantFrom(undefined, undefined, "greet", "report"),
    since: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, hour),
  });
  const deed = fc.oneof(
    { weight: 6, arbitrary: fc.record({ write: fc.array(version, { minLength: 1, maxLength: 4 }) }) },
    { weight: 2, arbitrary: fc.record({ main: mood }) },
    // Another isolate, which has just seen the first fail, or has not.
    { weight: 2, arbitrary: fc.record({ failedBefore: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ passMs: fc.constantFrom(100, 3000, 12_000) }) },
    { weight: 2, arbitrary: fc.record({ drain: fc.constantFrom("whole", "without its removal") }) },
  );
  type Deed = typeof deed extends fc.Arbitrary<infer Kind> ? Kind : never;
  const look = fc.record({ filter, limit: fc.integer({ min: 1, max: 4 }) });

  let after: string | undefined;
  let accepted: Projection[];

  async function act(deed: Deed): Promise<void> {
    if ("write" in deed) {
      const batch = deed.write.map(([number, revision]) => projectionOf(number, revision));
      await inFakeTime(history.write(batch));
      accepted.push(...batch);
    } else if ("main" in deed) main.mood = deed.main;
    else if ("passMs" in deed) await vi.advanceTimersByTimeAsync(deed.passMs);
    else if ("drain" in deed) await drain(deed.drain === "whole");
    else {
      const failedAt = deed.failedBefore ? Date.now() : Number.NEGATIVE_INFINITY;
      history = withFallback(main.history, waiting.history, { failedAt });
    }
  }

  async function drain(isWhole: boolean): Promise<void> {
    const crash = () => Promise.reject(new Error("crash"));
    const source = { page: waiting.inside.page, remove: isWhole ? waiting.inside.remove : crash };
    const drained = drainPage(source, main.history, after);
    // Who crashed begins anew.
    after = await inFakeTime(drained.then((page) => page.after)).catch(() => undefined);
  }

  async function compare(filter: RunFilter, limit: number): Promise<void> {
    const model = await latestOf(main.inside, waiting.inside);
    for (const { summary, revision } of accepted) {
      expect(model.get(summary.id)?.revision).toBeGreaterThanOrEqual(revision);
    }
    if (main.mood === "refusing" || main.mood === "silent") return;
    const listed = await inFakeTime(walkRuns(filter, limit));
    const expected = listModel(model, filter).map((id) => model.get(id)?.summary);
    expect(listed).toEqual(expected);
  }

  async function walkRuns(filter: RunFilter, limit: number): Promise<RunSummary[]> {
    const runs: RunSummary[] = [];
    const list: RunHistory["list"] = async (...asked) => {
      const page = await history.list(...asked);
      runs.push(...page.items);
      expect(page.items.length).toBeLessThanOrEqual(limit);
      return page;
    };
    await walkList({ ...history, list }, filter, limit);
    return runs;
  }

  it("no run is lost, each is listed once in its latest version, and in the end the first has all", async () => {
    const rows = fc.constantFrom(2, 3, 50);
    const steps = fc.array(fc.tuple(deed, look), { maxLength: 25, size: "max" });
    const property = fc.asyncProperty(steps, rows, rows, async (steps, one, other) => {
      open(narrow(one), narrow(other));
      [after, accepted] = [undefined, []];
      for (const [deed, { filter, limit }] of steps) {
        await act(deed);
        await compare(filter, limit);
      }
      main.mood = "well";
      await vi.advanceTimersByTimeAsync(TIMING.historyTrialMs);
      const expected = await latestOf(main.inside, waiting.inside);
      for (let page = 0; page < 2 * RUNS && (await allOf(waiting.inside)).length > 0; page++)
        await drain(true);
      expect(await allOf(waiting.inside)).toEqual([]);
      expect(await latestOf(main.inside)).toEqual(expected);
      const counts = Object.values(await history.count()).reduce((sum, count) => sum + count, 0);
      expect(counts).toBe(expected.size);
      for (const [id, projection] of expected) expect(await history.read(id)).toEqual(projection);
    });
    await fc.assert(property, { seed: 4, numRuns: RUNS_OF_IT });
  });
});

it(`has no page of more than ${LIMITS.pageItems} runs where each of the two has as many`, async () => {
  const runs = Array.from({ length: 2 * LIMITS.pageItems }, (_, number) =>
    sampleProjection(sampleRun(number)),
  );
  await main.inside.write(runs.slice(0, LIMITS.pageItems));
  await waiting.inside.write(runs.slice(LIMITS.pageItems));
  expect((await history.list({}, { limit: 10_000 })).items).toHaveLength(LIMITS.pageItems);
  expect(await walkList(history, {}, 10_000)).toHaveLength(runs.length);
});
