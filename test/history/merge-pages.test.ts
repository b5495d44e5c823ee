/** Two lists as one: however short the pages of each, all runs come once and in order, in their later versions. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import type { RunStatus, RunSummary } from "../../src/contract/run.ts";
import { encodeCursor, parseCursor } from "../../src/history/cursor.ts";
import { type Merged, mergePages } from "../../src/history/merge-pages.ts";
import type { ListedRuns } from "../../src/history/run-history.ts";
import { sampleRun } from "./sample.ts";

const EMPTY: ListedRuns = { items: [], nextCursor: null };
const ANY = { limit: 50, status: undefined };

const runOf = (number: number, status: RunStatus = "completed", generation = 1): RunSummary =>
  sampleRun(number, { status, generation });
const cursorAt = (number: number) => encodeCursor(runOf(number).id);
const page = (numbers: number[], end?: number): ListedRuns => ({
  items: numbers.map((number) => runOf(number)),
  nextCursor: end === undefined ? null : cursorAt(end),
});
const numbersOf = ({ runs }: Merged) => runs.map(({ summary }) => NUMBERS.get(summary.id));
const NUMBERS = new Map(Array.from({ length: 100 }, (_, number) => [runOf(number).id, number]));

describe("a page of two", () => {
  it.each<[string, ListedRuns, ListedRuns, number, number[], number | undefined]>([
    ["has the runs of both, newest first", page([5, 1]), page([7, 3]), 9, [7, 5, 3, 1], undefined],
    ["has a run of both once", page([5, 3]), page([5, 4]), 9, [5, 4, 3], undefined],
    ["ends where it is full", page([7, 3]), page([5, 1]), 3, [7, 5, 3], 3],
    ["that is full has no next one where nothing is left", page([5]), page([3]), 2, [5, 3], undefined],
    ["goes no further than the one that ends first", page([9, 8], 8), page([7, 6, 5], 5), 9, [9, 8], 8],
    ["goes no further than the other either", page([9, 2]), page([7], 4), 9, [9, 7], 4],
    [
      "that is full goes on behind its last run, not where one ended",
      page([9, 8, 7], 6),
      page([5]),
      2,
      [9, 8],
      8,
    ],
    ["may be empty and have a next one", page([], 6), page([5], 5), 9, [], 6],
    ["may be short and have a next one", page([], 4), page([5], 1), 9, [5], 4],
    ["has what one has where the other is empty", page([3, 2], 2), EMPTY, 9, [3, 2], 2],
  ])("%s", (_name, one, other, limit, numbers, end) => {
    for (const [main, waiting] of [
      [one, other],
      [other, one],
    ] as const) {
      const merged = mergePages(main, waiting, { limit, status: undefined });
      expect([numbersOf(merged), merged.nextCursor]).toEqual([
        numbers,
        end === undefined ? null : cursorAt(end),
      ]);
    }
  });

  it("has no more bytes than a page may, and goes on behind its last run", () => {
    const large = (number: number) =>
      sampleRun(number, { inputs: { text: "é".repeat(LIMITS.pageBytes / 4) } });
    const pages = [[large(5)], [large(4)]].map((items) => ({ items, nextCursor: null }));
    const [main = EMPTY, waiting = EMPTY] = pages;
    const merged = mergePages(main, waiting, ANY);
    expect([numbersOf(merged), merged.nextCursor]).toEqual([[5], cursorAt(5)]);
  });

  it("has one run, however large", () => {
    const items = [sampleRun(5, { inputs: { text: "x".repeat(LIMITS.pageBytes) } })];
    expect(numbersOf(mergePages(EMPTY, { items, nextCursor: null }, ANY))).toEqual([5]);
  });
});

describe("of a run that both have", () => {
  const merge = (main: RunSummary[], waiting: RunSummary[], status?: RunStatus) => {
    const [one, other] = [main, waiting].map((items) => ({ items, nextCursor: null }));
    return mergePages(one ?? EMPTY, other ?? EMPTY, { limit: 50, status }).runs;
  };

  it.each([
    ["later generation", runOf(1, "running", 2), runOf(1, "failed", 1)],
    ["end", runOf(1, "cancelled"), runOf(1, "running")],
  ])("the %s is the later version, whichever has it", (_name, later, earlier) => {
    const latest = [{ summary: later, isDoubtful: false }];
    expect([merge([later], [earlier]), merge([earlier], [later])]).toEqual([latest, latest]);
  });

  it("two versions that differ otherwise are in doubt, and two that are the same are not", () => {
    const [running, paused] = [runOf(1, "running"), runOf(1, "paused")];
    expect(merge([running], [paused])).toMatchObject([{ isDoubtful: true }]);
    expect(merge([paused], [paused])).toEqual([{ summary: paused, isDoubtful: false }]);
  });

  it("none is listed by a status that it does not have any more", () => {
    expect(merge([runOf(1, "running")], [runOf(1, "completed")], "running")).toEqual([]);
  });

  it("one that waits in that status is in doubt where the other may have it in another", () => {
    expect(merge([], [runOf(1), runOf(2, "failed")], "completed")).toEqual([
      { summary: runOf(1), isDoubtful: true },
    ]);
  });
});

it("all runs of both come once and in order, however each is cut into pages", () => {
  const numbers = fc.uniqueArray(fc.nat(30), { maxLength: 20 });
  const cuts = fc.array(fc.nat(4), { minLength: 1, maxLength: 12 });
  const limits = fc.integer({ min: 1, max: 5 });
  const property = fc.property(
    numbers,
    numbers,
    cuts,
    cuts,
    limits,
    (one, other, cutOne, cutOther, limit) => {
      const [main, waiting] = [pager(one, cutOne), pager(other, cutOther)];
      const found: (number | undefined)[] = [];
      let cursor: string | null = cursorAt(99);
      for (let pages = 0; cursor !== null; pages++) {
        expect(pages).toBeLessThan(200);
        const merged: Merged = mergePages(main(cursor), waiting(cursor), { limit, status: undefined });
        found.push(...numbersOf(merged));
        cursor = merged.nextCursor;
      }
      expect(found).toEqual([...new Set([...one, ...other])].sort((a, b) => b - a));
    },
  );
  fc.assert(property, { seed: 4, numRuns: 1000 });
});

/** Each page looks at so many numbers, of which it may have none; at one at least. */
function pager(numbers: number[], cuts: number[]): (cursor: string) => ListedRuns {
  let asked = 0;
  return (cursor) => {
    const end = NUMBERS.get(parseCursor(cursor)) ?? 0;
    const start = end - 1 - (cuts[asked++ % cuts.length] ?? 0);
    const found = numbers.filter((number) => number < end && number >= start).sort((a, b) => b - a);
    return page(found, start <= 0 ? undefined : start);
  };
}
