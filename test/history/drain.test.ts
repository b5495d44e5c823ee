/** What waits goes on: in order, whatever the other history refuses, whenever it breaks off. */
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import { type Drained, drainPage } from "../../src/history/drain.ts";
import { memoryHistory } from "../../src/history/memory.ts";
import type { Projection, RunHistory } from "../../src/history/run-history.ts";
import { sampleProjection, sampleRun } from "./sample.ts";
import { allOf, inFakeTime, narrow, type Troubled, troubled } from "./troubled.ts";

const runOf = (number: number, revision = 5): Projection => sampleProjection(sampleRun(number), revision);
const runsOf = (count: number) => Array.from({ length: count }, (_, number) => runOf(number));
const numbersOf = (runs: Projection[]) => runs.map(({ summary }) => ALL_IDS.indexOf(summary.id));
const ALL_IDS = runsOf(100).map(({ summary }) => summary.id);

let from: RunHistory;
let to: Troubled;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, "warn").mockImplementation(() => {});
  from = memoryHistory();
  to = troubled();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Never takes a batch with one of these; says which batches it was given. */
function refuse(numbers: number[]): number[][] {
  const batches: number[][] = [];
  const { write } = to.history;
  to.history.write = async (batch) => {
    batches.push(numbersOf([...batch]));
    if (numbersOf([...batch]).some((number) => numbers.includes(number))) throw new Error("never");
    await write(batch);
  };
  return batches;
}

/** Page after page, as long as something is written. */
async function drain(after?: string): Promise<Drained> {
  const drained = await inFakeTime(drainPage(from, to.history, after));
  return drained.isOver || drained.written === 0 ? drained : await drain(drained.after);
}

describe("what waits", () => {
  it("is written a page at a time in the order of ids, and gone when nothing is left", async () => {
    from = narrow(3);
    await from.write(runsOf(7).reverse());
    const batches = refuse([]);
    expect(await drain()).toEqual({ after: undefined, isOver: true, written: 0 });
    expect(batches).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect([await allOf(to.inside), await allOf(from)]).toEqual([runsOf(7), []]);
  });

  it("and changes while it is being written stays in its later version, which goes next", async () => {
    await from.write([runOf(1)]);
    const { write } = to.history;
    to.history.write = async (batch) => {
      await write(batch);
      await from.write([runOf(1, 9)]);
    };
    expect(await drainPage(from, to.history, undefined)).toMatchObject({ written: 1, isOver: false });
    expect(await allOf(from)).toEqual([runOf(1, 9)]);
    to.history.write = write;
    await drain(runOf(1).summary.id);
    expect([await allOf(to.inside), await allOf(from)]).toEqual([[runOf(1, 9)], []]);
  });

  it("and is older than what is there is removed, and replaces nothing", async () => {
    await from.write([runOf(1)]);
    await to.inside.write([runOf(1, 9)]);
    await drain();
    expect([await allOf(to.inside), await allOf(from)]).toEqual([[runOf(1, 9)], []]);
  });

  it("and came before the place where it is goes without a pause", async () => {
    await from.write([runOf(5)]);
    const first = await drainPage(from, to.history, undefined);
    await from.write([runOf(1)]);
    expect(await drainPage(from, to.history, first.after)).toMatchObject({ written: 1, isOver: false });
  });

  it("is written again where it was written and could not be removed, and then gone", async () => {
    await from.write(runsOf(2));
    const remove = () => Promise.reject(new Error("crash"));
    await expect(drainPage({ ...from, remove }, to.history, undefined)).rejects.toThrow("crash");
    expect(await allOf(from)).toEqual(runsOf(2));
    await drain();
    expect([await allOf(to.inside), await allOf(from)]).toEqual([runsOf(2), []]);
  });
});

describe("a database that fails", () => {
  it.each(["refusing", "silent", "late"] as const)("and is %s leaves all where it was", async (mood) => {
    await from.write(runsOf(3));
    to.mood = mood;
    const { id } = runOf(0).summary;
    const drained = await inFakeTime(drainPage(from, to.history, id));
    expect(drained).toMatchObject({ isOver: false, written: 0 });
    expect(await allOf(from)).toEqual(runsOf(3));
  });

  it.each([1, 20])(
    "is asked two things, and gets what it did not take first again: of %d runs",
    async (count) => {
      await from.write(runsOf(count));
      to.mood = "refusing";
      const { after } = await drainPage(from, to.history, undefined);
      expect([to.calls, after]).toEqual([["write", "count"], undefined]);
    },
  );
});

describe("a run that is never taken", () => {
  it("keeps no other of its page", async () => {
    await from.write(runsOf(10));
    refuse([4]);
    await drain();
    expect([numbersOf(await allOf(from)), numbersOf(await allOf(to.inside))]).toEqual([
      [4],
      [0, 1, 2, 3, 5, 6, 7, 8, 9],
    ]);
  });

  it("ends the drain in a pause, once it waits alone", async () => {
    await from.write(runsOf(3));
    refuse([1]);
    expect(await drain()).toMatchObject({ isOver: false, written: 0 });
  });

  it("and others like it, alone in front, are no more than three before a pause: each may take two seconds", async () => {
    await from.write(runsOf(20));
    const batches = refuse(numbersOf(runsOf(20)));
    await drainPage(from, to.history, undefined);
    expect(batches.slice(1)).toEqual([[0], [1], [2]]);
  });

  it("is tried again each time, and taken when it can be", async () => {
    await from.write([runOf(1)]);
    const batches = refuse([1]);
    const { after } = await drain();
    const tried = batches.length;
    await drain(after);
    expect(batches.length).toBeGreaterThan(tried);
    batches.length = 0;
    to = troubled(to.inside);
    expect(await drain(after)).toMatchObject({ isOver: true });
  });

  it(`keeps no other, though ${LIMITS.historyBatchRuns} such runs come first`, async () => {
    const count = LIMITS.historyBatchRuns;
    await from.write(runsOf(count + 5));
    refuse(numbersOf(runsOf(count)));
    let after: string | undefined;
    // As often as there is a pause.
    for (let attempt = 0; attempt < count; attempt++) after = (await drain(after)).after;
    expect(numbersOf(await allOf(to.inside))).toEqual([50, 51, 52, 53, 54]);
    expect(await allOf(from)).toHaveLength(count);
  });
});

it("all goes that is ever taken, whatever fails on the way and whatever comes meanwhile", async () => {
  const deed = fc.oneof(
    fc.record({ write: fc.array(fc.tuple(fc.nat(11), fc.integer({ min: 1, max: 4 })), { maxLength: 4 }) }),
    fc.record({ mood: fc.constantFrom("well", "refusing", "silent", "late") }),
    fc.constant({}),
  );
  const never = fc.uniqueArray(fc.nat(11), { maxLength: 8 });
  const property = fc.asyncProperty(
    fc.array(deed, { maxLength: 20 }),
    never,
    fc.integer({ min: 1, max: 5 }),
    attempt,
  );
  async function attempt(deeds: Deed[], refused: number[], pageRuns: number): Promise<void> {
    [from, to] = [narrow(pageRuns), troubled()];
    refuse(refused);
    const latest = new Map<number, Projection>();
    let after: string | undefined;
    for (const { write = [], mood } of deeds) {
      for (const [number, revision] of write) {
        const isLater = revision > (latest.get(number)?.revision ?? 0);
        if (isLater) latest.set(number, runOf(number, revision));
        await from.write([runOf(number, revision)]);
      }
      to.mood = mood ?? to.mood;
      after = (await inFakeTime(drainPage(from, to.history, after))).after;
    }
    to.mood = "well";
    // Each pause lets three of those that are never taken pass.
    for (let pause = 0; pause < 12; pause++) after = (await drain(after)).after;
    const taken = [...latest.keys()].filter((number) => !refused.includes(number)).sort((a, b) => a - b);
    expect(await allOf(to.inside)).toEqual(taken.map((number) => latest.get(number)));
    expect(numbersOf(await allOf(from)).filter((number) => !refused.includes(number))).toEqual([]);
  }
  await fc.assert(property, { seed: 4, numRuns: 300 });
});

type Deed = { write?: [number, number][]; mood?: Troubled["mood"] };
