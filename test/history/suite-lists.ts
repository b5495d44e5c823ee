/** Lists: their order, filters and pages. */
import { beforeEach, describe, expect, test } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import type { RunStatus, RunSummary } from "../../src/contract/run.ts";
import type { RunFilter, RunHistory } from "../../src/history/run-history.ts";
import { listModel, type Model, walkList, writeModel } from "./model.ts";
import { NOON, sampleProjection, sampleRun } from "./sample.ts";

const HOUR_MS = 3_600_000;
const at = (hours: number, ms = 0) => new Date(NOON + hours * HOUR_MS + ms).toISOString();

/** Each value of each, with each of all others. */
export const allFilters = (): RunFilter[] =>
  [undefined, "completed" as const, "failed" as const, "running" as const].flatMap((status) =>
    [undefined, "greet"].flatMap((workflow) =>
      [undefined, { key: "team", value: "a" }, { key: "team", value: "b" }].flatMap((tag) =>
        [undefined, at(7)].flatMap((since) =>
          [undefined, at(31)].map((until) => ({ status, workflow, tag, since, until })),
        ),
      ),
    ),
  );

export function describeLists(open: () => Promise<RunHistory>): void {
  let history: RunHistory;
  beforeEach(async () => {
    history = await open();
  });

  const write = async (summaries: readonly RunSummary[]) => {
    for (let start = 0; start < summaries.length; start += LIMITS.historyBatchRuns) {
      const batch = summaries.slice(start, start + LIMITS.historyBatchRuns);
      await history.write(batch.map((summary) => sampleProjection(summary)));
    }
  };
  const numbersOf = async (filter: RunFilter) => {
    const { items } = await history.list(filter, { limit: 200 });
    return items.map(({ metadata }) => metadata["number"]);
  };

  describe("filters", () => {
    test("all of them, alone and together, give what a look at every run gives, newest first", async () => {
      const statuses: RunStatus[] = ["completed", "failed", "completed", "running", "paused"];
      const batch = Array.from({ length: 48 }, (_, number) => {
        const tags = { team: "abb".charAt(number % 3) };
        const workflow = { name: number % 4 === 1 ? "report" : "greet" };
        const status = statuses[number % 5] ?? "completed";
        return sampleProjection(sampleRun(number, { status, workflow, tags }, NOON + number * HOUR_MS));
      });
      const model: Model = new Map();
      writeModel(model, batch);
      await history.write(batch);
      for (const filter of allFilters()) {
        expect(await walkList(history, filter, 5), JSON.stringify(filter)).toEqual(listModel(model, filter));
      }
    });

    // Run n was made n hours after noon.
    const numbered = (number: number, differing: Partial<RunSummary> = {}) =>
      sampleRun(number, { metadata: { number }, ...differing }, NOON + number * HOUR_MS);

    test.each<[string, RunFilter, number[]]>([
      ["a status no run has", { status: "paused" }, []],
      ["workflow is compared whole", { workflow: "gree" }, []],
      ["workflow is a value, not SQL", { workflow: "' or 1=1 --" }, []],
      ["tag needs the key and the value", { tag: { key: "urgent", value: "a" } }, []],
      ["since is included", { since: at(4) }, [5, 4]],
      ["since is exact to the millisecond", { since: at(4, 1) }, [5]],
      ["until is not included", { until: at(2) }, [1]],
      ["until is exact to the millisecond", { until: at(2, 1) }, [2, 1]],
      ["since before 1970", { since: "1815-12-10T00:00:00Z" }, [5, 4, 3, 2, 1]],
      [
        "until after what an id can say",
        { until: new Date(2 ** 50 + HOUR_MS).toISOString() },
        [5, 4, 3, 2, 1],
      ],
      ["a time with an offset", { since: "2026-11-01T18:00:00+02:00" }, [5, 4]],
    ])("%s", async (_name, filter, numbers) => {
      await write([1, 2, 3, 4, 5].map((number) => numbered(number, { tags: { urgent: "yes", team: "a" } })));
      expect(await numbersOf(filter)).toEqual(numbers);
    });

    test("a run is found by the status it has now, not by the one it had", async () => {
      await history.write([sampleProjection(numbered(4, { status: "running" }), 3)]);
      await history.write([sampleProjection(numbered(4), 9)]);
      expect(await numbersOf({ status: "running" })).toEqual([]);
      expect(await numbersOf({ status: "completed" })).toEqual([4]);
    });

    test("times are those of createdAt, where the clock of the id was half a minute off", async () => {
      const createdAt = at(8);
      const ids = [-30_000, 30_000].map((ms) => sampleRun(8, {}, NOON + 8 * HOUR_MS + ms).id);
      await write(ids.map((id) => ({ ...numbered(8, { createdAt }), id })));
      expect(await numbersOf({ since: at(8), until: at(8, 1) })).toEqual([8, 8]);
    });

    test.each(["since", "until"])("%s that is no time is refused by name", async (name) => {
      await expect(history.list({ [name]: "yesterday" }, { limit: 1 })).rejects.toMatchObject({
        code: "invalid_request",
        message: expect.stringMatching(`^${name}: "yesterday" is not a time`),
      });
    });
  });

  describe("pages", () => {
    // Five runs in each millisecond; every third has the tag.
    const THIRD = { tag: { key: "third", value: "yes" } };
    const write250 = async () => {
      const summaries = Array.from({ length: 250 }, (_, number) =>
        sampleRun(number, { tags: number % 3 === 0 ? { third: "yes" } : {} }, NOON + Math.floor(number / 5)),
      );
      await write(summaries);
      return summaries.map(({ id }) => id).sort();
    };

    test.each<[string, RunFilter, number]>([
      ["all runs", {}, 250],
      ["runs with a tag", THIRD, 84],
      ["runs with a tag and a status", { ...THIRD, status: "completed" }, 84],
    ])("%s are neither lost nor repeated while others arrive between pages", async (_name, filter, count) => {
      const ids = await write250();
      let arrived = 0;
      const found = await walkList(history, filter, 7, () =>
        write([sampleRun(++arrived, { tags: { third: "yes" } }, NOON + HOUR_MS)]),
      );
      expect(arrived).toBeGreaterThan(10);
      expect(found).toHaveLength(count);
      expect(found).toEqual(ids.filter((id) => found.includes(id)).reverse());
    });

    test("those that stay are neither lost nor repeated while others go, the last one of a page too", async () => {
      const ids = await write250();
      const gone = new Set<string>();
      const found = await walkList(history, {}, 7, async (seen) => {
        const going = [seen.at(-1) ?? "", ids.at(-seen.length - 2) ?? ""];
        for (const id of going) gone.add(id);
        await history.remove(going.map((id) => ({ id, revision: 5 })));
      });
      expect(gone.size).toBeGreaterThan(30);
      expect(new Set(found).size).toBe(found.length);
      const stayed = ids.filter((id) => !gone.has(id)).reverse();
      expect(found.filter((id) => !gone.has(id))).toEqual(stayed);
    });

    test("the last page has no cursor, even when it is full", async () => {
      await write([1, 2, 3, 4].map((number) => sampleRun(number)));
      const first = await history.list({}, { limit: 2 });
      const second = await history.list({}, { limit: 2, cursor: first.nextCursor ?? undefined });
      expect(first.nextCursor).toEqual(expect.any(String));
      expect(second).toMatchObject({ items: { length: 2 }, nextCursor: null });
    });

    test(`no page has more than ${LIMITS.pageItems} runs`, async () => {
      await write250();
      expect((await history.list({}, { limit: 10_000 })).items).toHaveLength(LIMITS.pageItems);
    });

    test("no page has more bytes than it may, and all of them together have all runs", async () => {
      const inputs = { text: "é".repeat(140_000) };
      const summaries = Array.from({ length: 40 }, (_, number) => sampleRun(number, { inputs }));
      for (const summary of summaries) await write([summary]);
      const { items, nextCursor } = await history.list({}, { limit: 50 });
      const bytes = new TextEncoder().encode(JSON.stringify(items)).length;
      expect(bytes).toBeLessThanOrEqual(LIMITS.pageBytes + items.length + 1);
      expect(bytes).toBeGreaterThan(LIMITS.pageBytes - 300_000);
      const rest = await history.list({}, { limit: 50, cursor: nextCursor ?? undefined });
      expect(rest.nextCursor).toBeNull();
      const ids = [...items, ...rest.items].map(({ id }) => id);
      expect(ids).toEqual(
        summaries
          .map(({ id }) => id)
          .toSorted()
          .toReversed(),
      );
    });

    test(`a page looks at ${LIMITS.scannedRuns} runs: it may be short or empty, and the next one goes on`, async () => {
      const failed = Array.from({ length: LIMITS.scannedRuns }, (_, number) =>
        sampleRun(number, { status: "failed" }, NOON + HOUR_MS),
      );
      const old = [1, 2, 3].map((number) => sampleRun(number, {}, NOON));
      const newest = sampleRun(4, {}, NOON + 2 * HOUR_MS);
      await write([...old, ...failed]);
      const page = { limit: 2 };
      const empty = await history.list({ status: "completed" }, page);
      expect(empty).toEqual({ items: [], nextCursor: expect.any(String) });
      await write([newest]);
      const short = await history.list({ status: "completed" }, page);
      expect(short).toEqual({ items: [newest], nextCursor: expect.any(String) });
      const ids = [newest, ...old.toReversed()].map(({ id }) => id);
      expect(await walkList(history, { status: "completed" }, 2)).toEqual(ids);
    });

    test("a cursor that no list gave out is refused", async () => {
      await expect(history.list({}, { limit: 1, cursor: "junk" })).rejects.toMatchObject({
        code: "invalid_request",
        message: expect.stringMatching(/^cursor: /),
      });
    });
  });
}
