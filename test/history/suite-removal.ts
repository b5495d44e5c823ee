/** Whole pages, what is silent, and what goes. */
import { beforeEach, describe, expect, test } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import type { RunStatus } from "../../src/contract/run.ts";
import type { RunHistory } from "../../src/history/run-history.ts";
import { walkPages } from "./model.ts";
import { NOON, sampleProjection, sampleRun } from "./sample.ts";

const HOUR_MS = 3_600_000;

export function describeRemoval(open: () => Promise<RunHistory>): void {
  let history: RunHistory;
  beforeEach(async () => {
    history = await open();
  });

  describe("pages of whole projections", () => {
    test("have every run exactly once, in the order of ids, with its record", async () => {
      const numbers = Array.from({ length: 2 * LIMITS.historyBatchRuns + 10 }, (_, number) => number);
      const batch = numbers.map((number) => sampleProjection(sampleRun(number), number + 1, { number }));
      for (let start = 0; start < batch.length; start += LIMITS.historyBatchRuns) {
        await history.write(batch.slice(start, start + LIMITS.historyBatchRuns).reverse());
      }
      const pages = await walkPages(history);
      expect(pages.map(({ length }) => length)).toEqual([
        LIMITS.historyBatchRuns,
        LIMITS.historyBatchRuns,
        10,
      ]);
      expect(pages.flat()).toEqual(batch);
    });

    test("have as many bytes as a batch may, but always one run", async () => {
      const mebibytes = [1, 1.5, 1.5, 4, 0, 3, 0.5];
      const lengths = mebibytes.map((count) => Math.max(0, count * LIMITS.rowBytes - 2));
      for (const [number, length] of lengths.entries()) {
        await history.write([sampleProjection(sampleRun(number), 5, "x".repeat(length))]);
      }
      const pages = await walkPages(history);
      expect(pages.map(({ length }) => length)).toEqual([2, 1, 1, 3]);
      expect(pages.flat().map(({ record }) => record.length - 2)).toEqual(lengths);
    });
  });

  describe("silent runs", () => {
    // Later than any clock, since writing takes the real one.
    const LATER = Date.parse("2200-01-01T00:00:00Z");
    const statuses: RunStatus[] = [
      "running",
      "pending",
      "paused",
      "completed",
      "failed",
      "cancelled",
      "running",
    ];
    const runs = statuses.map((status, number) => sampleRun(number, { status }));
    const [first = "", second = "", third = ""] = [0, 1, 6].map((number) => runs[number]?.id ?? "");
    const silent = [first, second, third];

    beforeEach(() => history.write(runs.map((run) => sampleProjection(run, 3))));

    test("are those that go on", async () => {
      expect(await history.takeSilent(LATER, LATER, 10)).toEqual(silent);
    });

    test("do not have those that were written since", async () => {
      expect(await history.takeSilent(Date.parse("2000-01-01T00:00:00Z"), LATER, 10)).toEqual([]);
    });

    test("are given once, then again when as much time went by, first those of whom nobody asked longest", async () => {
      expect(await history.takeSilent(LATER, LATER + 1, 2)).toEqual([first, second]);
      expect(await history.takeSilent(LATER, LATER, 2)).toEqual([third]);
      expect(await history.takeSilent(LATER, LATER, 2)).toEqual([]);
      expect(await history.takeSilent(LATER + 2, LATER + 2, 2)).toEqual([third, first]);
    });

    test("are so again by being written, and no more once they ended", async () => {
      await history.takeSilent(LATER, LATER, 10);
      await history.write([
        sampleProjection(sampleRun(0, { status: "running" }), 4),
        sampleProjection(sampleRun(1, { status: "completed" }), 4),
      ]);
      expect(await history.takeSilent(LATER, LATER, 10)).toEqual([first]);
    });
  });

  describe("pruning", () => {
    // Run n ended n hours after noon, or goes on.
    const ended = (number: number, status: RunStatus = "completed") => {
      const finishedAt = new Date(NOON + number * HOUR_MS).toISOString();
      return sampleProjection(sampleRun(number, { status, finishedAt, tags: { team: "a" } }), 5, { number });
    };
    const left = async () => (await walkPages(history)).flat();

    test("removes what ended before, whatever the end, and nothing that goes on", async () => {
      const { finishedAt: _, ...paused } = sampleRun(0, { status: "paused" });
      const batch = [sampleProjection(paused), ended(1), ended(2, "failed"), ended(3, "cancelled"), ended(4)];
      await history.write(batch);
      expect(await history.prune(NOON + 4 * HOUR_MS, 10)).toBe(3);
      expect(await left()).toEqual([batch[0], batch[4]]);
      expect(await history.count()).toMatchObject({ paused: 1, completed: 1, failed: 0, cancelled: 0 });
      expect((await history.list({ tag: { key: "team", value: "a" } }, { limit: 10 })).items).toHaveLength(1);
    });

    test("removes as many as it may, oldest first, then the next", async () => {
      const batch = [1, 2, 3, 4, 5].map((number) => ended(number));
      await history.write(batch);
      expect(await history.prune(NOON + 5 * HOUR_MS, 3)).toBe(3);
      expect(await left()).toEqual(batch.slice(3));
      expect(await history.prune(NOON + 5 * HOUR_MS, 3)).toBe(1);
      expect(await history.prune(NOON + 5 * HOUR_MS, 3)).toBe(0);
      expect(await left()).toEqual(batch.slice(4));
    });

    test("a run that began anew and ended later counts from its later end", async () => {
      await history.write([ended(1)]);
      const { summary } = ended(9);
      await history.write([sampleProjection({ ...ended(1).summary, finishedAt: summary.finishedAt }, 8)]);
      expect(await history.prune(NOON + 5 * HOUR_MS, 3)).toBe(0);
    });
  });

  describe("removing", () => {
    test("only takes what still has the revision", async () => {
      const [one, other] = [sampleProjection(sampleRun(1), 5), sampleProjection(sampleRun(2), 7)];
      await history.write([one, other]);
      await history.remove([
        { id: one.summary.id, revision: 5 },
        { id: other.summary.id, revision: 6 },
        { id: sampleRun(3).id, revision: 5 },
      ]);
      await history.remove([]);
      expect((await walkPages(history)).flat()).toEqual([other]);
      expect(await history.count()).toMatchObject({ completed: 1 });
    });

    test("what was removed may be written again, an earlier revision too", async () => {
      const run = sampleRun(1);
      await history.write([sampleProjection(run, 5)]);
      await history.remove([{ id: run.id, revision: 5 }]);
      await history.write([sampleProjection(run, 3, "again")]);
      expect(await history.read(run.id)).toEqual(sampleProjection(run, 3, "again"));
    });
  });
}
