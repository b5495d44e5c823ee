/** Lists of runs: their order, filters and pages, and that each filter has an index. */
import { drizzle } from "drizzle-orm/d1";
import { beforeEach, describe, expect, test } from "vitest";
import type { RunSummary } from "../../src/contract/run.ts";
import { d1History } from "../../src/history/d1.ts";
import { selectRuns } from "../../src/history/query.ts";
import type { RunFilter, RunHistory } from "../../src/history/run-history.ts";
import { emptyDatabase } from "../workerd/history-database.ts";
import { NOON, sampleProjection, sampleRun } from "./sample.ts";

const HOUR_MS = 3_600_000;

let database: D1Database;
let history: RunHistory;

beforeEach(async () => {
  database = await emptyDatabase();
  history = d1History(database);
});

const write = (summaries: RunSummary[]) =>
  history.write(summaries.map((summary) => sampleProjection(summary)));

async function numbersOf(filter: RunFilter) {
  const { items } = await history.list(filter, { limit: 200 });
  return items.map((run) => run.metadata["number"]);
}

describe("filters", () => {
  // Run n was made n hours after noon.
  const numbered = (number: number, differing: Partial<RunSummary>) =>
    sampleRun(number, { metadata: { number }, ...differing }, NOON + number * HOUR_MS);

  beforeEach(() =>
    write([
      numbered(1, { workflow: { name: "greet" }, tags: { team: "a" } }),
      numbered(2, { workflow: { name: "greet" }, tags: { team: "b" }, status: "failed" }),
      numbered(3, { workflow: { name: "report" }, tags: { team: "a", urgent: "yes" } }),
      numbered(4, { workflow: { name: "report" }, tags: { urgent: "yes" }, status: "running" }),
      numbered(5, { workflow: { name: "greet" }, tags: { team: "a" }, status: "failed" }),
    ]),
  );

  const at = (hours: number, ms = 0) => new Date(NOON + hours * HOUR_MS + ms).toISOString();

  test.each<[string, RunFilter, number[]]>([
    ["no filter gives all, newest first", {}, [5, 4, 3, 2, 1]],
    ["status", { status: "failed" }, [5, 2]],
    ["status completed", { status: "completed" }, [3, 1]],
    ["a status no run has", { status: "paused" }, []],
    ["workflow", { workflow: "greet" }, [5, 2, 1]],
    ["workflow is compared whole", { workflow: "gree" }, []],
    ["workflow is a value, not SQL", { workflow: "' or 1=1 --" }, []],
    ["tag", { tag: { key: "team", value: "a" } }, [5, 3, 1]],
    ["tag needs the key and the value", { tag: { key: "urgent", value: "a" } }, []],
    ["since is included", { since: at(4) }, [5, 4]],
    ["since is exact to the millisecond", { since: at(4, 1) }, [5]],
    ["until is not included", { until: at(2) }, [1]],
    ["until is exact to the millisecond", { until: at(2, 1) }, [2, 1]],
    ["since before 1970", { since: "1815-12-10T00:00:00Z" }, [5, 4, 3, 2, 1]],
    ["since and until", { since: at(2), until: at(5) }, [4, 3, 2]],
    ["a time with an offset", { since: "2026-11-01T18:00:00+02:00" }, [5, 4]],
    ["status and workflow", { status: "failed", workflow: "greet" }, [5, 2]],
    ["tag and status", { tag: { key: "team", value: "a" }, status: "failed" }, [5]],
    ["tag and times", { tag: { key: "team", value: "a" }, since: at(2), until: at(5) }, [3]],
    [
      "all at once",
      {
        status: "completed",
        workflow: "report",
        tag: { key: "urgent", value: "yes" },
        since: at(3),
        until: at(4),
      },
      [3],
    ],
  ])("%s", async (_name, filter, numbers) => {
    expect(await numbersOf(filter)).toEqual(numbers);
  });

  test("a run is found by the status it has now, not by the one it had", async () => {
    const ended = numbered(4, { workflow: { name: "report" }, tags: { urgent: "yes" } });
    await history.write([sampleProjection(ended, 9)]);
    expect(await numbersOf({ status: "running" })).toEqual([]);
    expect(await numbersOf({ status: "completed" })).toEqual([4, 3, 1]);
  });

  test("times are those of createdAt, where the clock of the id was half a minute off", async () => {
    const createdAt = at(8);
    await write(
      [-30_000, 30_000].map((ms) => ({
        ...numbered(8, { createdAt }),
        id: sampleRun(8, {}, NOON + 8 * HOUR_MS + ms).id,
      })),
    );
    expect(await numbersOf({ since: at(8), until: at(8, 1) })).toEqual([8, 8]);
  });

  test.each(["since", "until"])("%s that is no time is refused by name", async (name) => {
    const listed = history.list({ [name]: "yesterday" }, { limit: 1 });
    await expect(listed).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringMatching(`^${name}: "yesterday" is not a time`),
    });
  });
});

describe("pages", () => {
  const walk = async (filter: RunFilter, limit: number, between: () => Promise<void> = async () => {}) => {
    const ids: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 100; page++) {
      const { items, nextCursor } = await history.list(filter, { limit, cursor });
      ids.push(...items.map((run) => run.id));
      if (nextCursor === null) return ids;
      cursor = nextCursor;
      await between();
    }
    throw new Error("the list does not end");
  };

  // Five runs in each millisecond; every third has the tag.
  const write250 = async () => {
    const summaries = Array.from({ length: 250 }, (_, number) =>
      sampleRun(number, { tags: number % 3 === 0 ? { third: "yes" } : {} }, NOON + Math.floor(number / 5)),
    );
    await write(summaries);
    return summaries.map((run) => run.id).sort();
  };

  test("250 runs with ties in time are neither lost nor repeated while new ones arrive", async () => {
    const ids = await write250();
    let arrived = 0;
    const found = await walk({}, 7, () => write([sampleRun(++arrived, {}, NOON + HOUR_MS)]));
    expect(arrived).toBeGreaterThan(30);
    expect(found).toEqual(ids.toReversed());
  });

  test("pages of a filtered list hold together likewise", async () => {
    await write250();
    let arrived = 0;
    const tags = { third: "yes" };
    const found = await walk({ tag: { key: "third", value: "yes" } }, 10, () =>
      write([sampleRun(++arrived, { tags }, NOON + HOUR_MS)]),
    );
    expect(found).toHaveLength(84);
    expect(found).toEqual([...new Set(found)].sort().toReversed());
  });

  test("the last page has no cursor, even when it is full", async () => {
    await write([1, 2, 3, 4].map((number) => sampleRun(number)));
    const first = await history.list({}, { limit: 2 });
    const second = await history.list({}, { limit: 2, cursor: first.nextCursor ?? undefined });
    expect(first.nextCursor).toEqual(expect.any(String));
    expect(second).toMatchObject({ items: { length: 2 }, nextCursor: null });
  });

  test("an empty list has no cursor", async () => {
    expect(await history.list({}, { limit: 50 })).toEqual({ items: [], nextCursor: null });
  });

  test("no page holds more than 200 runs", async () => {
    await write250();
    expect((await history.list({}, { limit: 10_000 })).items).toHaveLength(200);
  });

  test("a cursor that no list gave out is refused", async () => {
    const listed = history.list({}, { limit: 1, cursor: "junk" });
    await expect(listed).rejects.toMatchObject({
      code: "invalid_request",
      message: expect.stringMatching(/^cursor: /),
    });
  });
});

describe("every filter has its index", () => {
  const planOf = async (filter: RunFilter) => {
    const page = { limit: 50, cursor: btoa(sampleRun(1).id) };
    const { sql, params } = selectRuns(drizzle(database), filter, page).toSQL();
    const plan = database.prepare(`explain query plan ${sql}`).bind(...params);
    return (await plan.all<{ detail: string }>()).results.map((step) => step.detail).join("; ");
  };

  test.each<[string, RunFilter, RegExp]>([
    ["none", {}, /^SEARCH runs USING PRIMARY KEY \(id<\?\)$/],
    ["status", { status: "failed" }, /^SEARCH runs USING INDEX runs_by_status \(status=\? AND id<\?\)$/],
    ["status completed", { status: "completed" }, /^SEARCH runs USING PRIMARY KEY \(id<\?\)$/],
    [
      "workflow",
      { workflow: "greet" },
      /^SEARCH runs USING INDEX runs_by_workflow \(workflow=\? AND id<\?\)$/,
    ],
    ["since", { since: "2026-11-01T00:00:00Z" }, /^SEARCH runs USING PRIMARY KEY \(id>\? AND id<\?\)$/],
    [
      "tag",
      { tag: { key: "team", value: "a" } },
      /^SEARCH run_tags USING PRIMARY KEY \(key=\? AND value=\? AND run_id<\?\); SEARCH runs USING PRIMARY KEY \(id=\?\)$/,
    ],
    [
      "tag, status and workflow",
      { tag: { key: "team", value: "a" }, status: "failed", workflow: "greet" },
      /^SEARCH (?!.*(SCAN|TEMP B-TREE))/,
    ],
  ])("%s", async (_name, filter, plan) => {
    expect(await planOf(filter)).toMatch(plan);
  });
});
