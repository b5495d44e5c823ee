/** What the backends that speak SQL do with their tables: transactions, what is left behind, and the price in rows. */
import { beforeEach, describe, expect, test } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import type { RunStatus, RunSummary } from "../../src/contract/run.ts";
import { d1History } from "../../src/history/d1.ts";
import type { Projection, RunHistory } from "../../src/history/run-history.ts";
import { SQL_BACKENDS } from "../workerd/history-backends.ts";
import { emptyDatabase, HISTORY_TABLES } from "../workerd/history-database.ts";
import { walkList } from "./model.ts";
import { NOON, sampleProjection, sampleRun } from "./sample.ts";

const LATER = Date.parse("2200-01-01T00:00:00Z");

describe.each(SQL_BACKENDS)("history in the tables of $name", ({ open, query, rowsWritten }) => {
  let history: RunHistory;
  beforeEach(async () => {
    history = await open();
  });

  const rows = async () => {
    const counted = HISTORY_TABLES.map(async (table) => {
      const [row] = await query(`select count(*) as count from ${table}`);
      return [table, row?.["count"]] as const;
    });
    return Object.fromEntries(await Promise.all(counted));
  };
  const large = "x".repeat(3 * LIMITS.rowBytes);
  const tags = { team: "a", ["__proto__"]: "é\"\\'\u0000", '"$.tags"': "", "": "\ud800" };

  describe("a batch with a run that the database refuses changes nothing", () => {
    const batch = [1, 2].map((number) => sampleProjection(sampleRun(number, { tags }), 5, large));
    const refused = sampleRun(2).id;

    test.each([
      ["the run", "before insert on runs", `new.id = '${refused}'`],
      ["its tags", "before insert on run_tags", `new.run_id = '${refused}'`],
      ["parts of its record", "before insert on run_records", `new.run_id = '${refused}'`],
    ])("%s", async (_name, event, condition) => {
      const [before] = [sampleProjection(sampleRun(1, { status: "running" }), 3)];
      await history.write([before]);
      const empty = await rows();
      await query(
        `create trigger refuse ${event} when ${condition} begin select raise(abort, 'refused'); end`,
      );
      await expect(history.write(batch)).rejects.toMatchObject({ code: "unavailable" });
      await query("drop trigger refuse");
      expect(await rows()).toEqual(empty);
      expect(await history.read(before.summary.id)).toEqual(before);
      expect(await history.count()).toMatchObject({ running: 1, completed: 0 });
    });

    test("removing, likewise", async () => {
      await history.write(batch);
      const full = await rows();
      await query(`create trigger refuse before delete on runs begin select raise(abort, 'refused'); end`);
      await expect(history.prune(LATER, 10)).rejects.toMatchObject({ code: "unavailable" });
      await query("drop trigger refuse");
      expect(await rows()).toEqual(full);
      expect(await history.count()).toMatchObject({ completed: 2 });
    });
  });

  test("a failure is `unavailable` and says nothing of what was in the statement", async () => {
    const secret = sampleProjection(sampleRun(1, { tags: { secret: "s3cret" } }), 5, "s3cret");
    await history.write([sampleProjection(sampleRun(2))]);
    await query("alter table runs rename column id to hidden");
    const tag = { key: "secret", value: "s3cret" };
    const works = [
      history.write([secret]),
      history.list({ tag }, { limit: 1 }),
      history.read("run_s3cret"),
      history.page("run_s3cret"),
      history.prune(LATER, 1),
    ];
    const failures = await Promise.allSettled(works);
    await query("alter table runs rename column hidden to id");
    for (const failure of failures) {
      expect(failure).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
      expect(String("reason" in failure && failure.reason)).not.toContain("s3cret");
    }
  });

  test("counts are those of the rows, after whatever changed them", async () => {
    const statuses: RunStatus[] = ["pending", "running", "paused", "completed", "failed", "cancelled"];
    const projections = statuses.flatMap((status, number) =>
      [3, 5].map((revision) => sampleProjection(sampleRun(number % 4, { status }), revision + number)),
    );
    for (const projection of projections.toReversed().concat(projections)) {
      await history.write([projection, projection]);
      const scanned = await query("select status, count(*) as count from runs group by status");
      const found = Object.entries(await history.count()).filter(([, count]) => count !== 0);
      expect(found.sort()).toEqual(scanned.map((row) => [row["status"], row["count"]]).sort());
    }
  });

  test("what replaces a record leaves nothing of it, nor does what came too late", async () => {
    const run = sampleRun(1);
    await history.write([sampleProjection(run, 3, large)]);
    expect(await rows()).toMatchObject({ run_records: 3 });
    await history.write([sampleProjection(run, 5, "short")]);
    await history.write([sampleProjection(run, 4, large)]);
    expect(await rows()).toMatchObject({ run_records: 0 });
  });

  test.each<[string, (batch: readonly Projection[]) => Promise<unknown>]>([
    ["removed", (batch) => history.remove(batch.map(({ summary: { id }, revision }) => ({ id, revision })))],
    ["pruned", () => history.prune(NOON + 1, 100)],
  ])("runs that are %s leave no row behind, and those beside them whole", async (_name, take) => {
    const number = LIMITS.historyBatchRuns;
    const staying = { ...sampleRun(number, { tags }), finishedAt: new Date(NOON + 1).toISOString() };
    const stays = sampleProjection(staying, 5, large);
    await history.write([stays]);
    const before = await rows();
    const batch = Array.from({ length: number }, (_, index) =>
      sampleProjection(sampleRun(index, { tags, status: "failed" }), 5, index === 7 ? large : {}),
    );
    await history.write(batch);
    await take(batch);
    const { run_counts, ...others } = before;
    expect(await rows()).toEqual({ ...others, run_counts: Number(run_counts) + 1 });
    expect(await query("select * from run_counts where count <> 0")).toEqual([
      { status: "completed", count: 1 },
    ]);
    expect(await history.read(staying.id)).toEqual(stays);
  });

  test("no row is larger than a row may be", async () => {
    const run = sampleRun(1, { inputs: { text: "é".repeat(150_000) }, tags });
    await history.write([sampleProjection(run, 5, large)]);
    const [row] = await query(`select max(bytes) as bytes from (
      select octet_length(summary) + octet_length(record) as bytes from runs
      union all select octet_length(body) from run_records)`);
    expect(row?.["bytes"]).toBeLessThanOrEqual(LIMITS.rowBytes);
  });

  describe("rows written, the price of history", () => {
    const rowsOf = (...batch: Projection[]) => rowsWritten((counted) => counted.write(batch));
    const run = sampleRun(1);
    const running = { ...run, status: "running" as const };

    // The tables are there, and the counts of other runs.
    beforeEach(() => history.write([sampleProjection(sampleRun(0))]));

    test("a run that is written once, completed, costs 2 rows and its batch 1 for the count", async () => {
      expect(await rowsOf(sampleProjection(run))).toBe(3);
    });

    test("a batch costs 1 for each status whose count it changes, however many runs it has", async () => {
      const numbers = Array.from({ length: LIMITS.historyBatchRuns }, (_, number) => number + 1);
      const batch = numbers.map((number) => sampleProjection(sampleRun(number)));
      expect(await rowsOf(...batch)).toBe(2 * batch.length + 1);
    });

    test("one that did not complete costs a third", async () => {
      expect(await rowsOf(sampleProjection({ ...run, status: "failed" }))).toBe(4);
    });

    test("each tag costs one, once", async () => {
      const tagged = { ...running, tags: { a: "1", b: "2", c: "3" } };
      expect(await rowsOf(sampleProjection(tagged, 3))).toBe(3 + 1 + 3);
      expect(await rowsOf(sampleProjection(tagged, 5))).toBe(2);
    });

    test("a running run costs 3 rows, 2 for each time it is written again, and 1 when it completes", async () => {
      expect(await rowsOf(sampleProjection(running, 2))).toBe(3 + 1);
      expect(await rowsOf(sampleProjection(running, 4))).toBe(2);
      expect(await rowsOf(sampleProjection(run, 6))).toBe(1 + 2);
    });

    test("what was written before costs nothing, nor does what comes too late", async () => {
      const projection = sampleProjection({ ...run, tags }, 5, large);
      await history.write([projection]);
      expect(await rowsOf(projection)).toBe(0);
      expect(await rowsOf(sampleProjection({ ...running, tags }, 3))).toBe(0);
    });

    test("a record costs one more for each MiB beyond the first half", async () => {
      const ofBytes = (bytes: number) => "x".repeat(bytes - 2);
      const half = LIMITS.rowBytes / 2;
      const lengths = [half, half + 1, half + LIMITS.rowBytes, half + LIMITS.rowBytes + 1];
      const costs: number[] = [];
      for (const [index, bytes] of lengths.entries()) {
        costs.push(await rowsOf(sampleProjection(sampleRun(index + 1), 5, ofBytes(bytes))));
      }
      expect(costs).toEqual([3, 4, 4, 5]);
    });

    test("reading writes nothing, and a run that is taken for silent costs 2", async () => {
      await history.write([sampleProjection(running, 2)]);
      const read = rowsWritten(async (counted) => {
        await counted.list({ status: "running", workflow: "greet" }, { limit: 10 });
        await counted.read(running.id);
        await counted.page(undefined);
        await counted.count();
        await counted.prune(NOON, 10);
        await counted.takeSilent(NOON, LATER, 10);
      });
      expect(await read).toBe(0);
      expect(await rowsWritten((counted) => counted.takeSilent(LATER, LATER, 10))).toBe(2);
    });
  });
});

test("an object that was asked, and never written to, has no tables", async () => {
  const [, inObject] = SQL_BACKENDS;
  const history = await inObject?.open();
  await history?.list({}, { limit: 10 });
  await history?.read(sampleRun(1).id);
  await history?.page(undefined);
  await history?.count();
  await history?.prune(LATER, 10);
  await history?.takeSilent(LATER, LATER, 10);
  await history?.remove([{ id: sampleRun(1).id, revision: 1 }]);
  expect(await inObject?.query("select name from sqlite_master where name like 'run%'")).toEqual([]);
});

test("a run that arrives while a page looks for where it ends makes none appear twice", async () => {
  const database = await emptyDatabase();
  const history = d1History(database);
  const write = (...batch: RunSummary[]) => history.write(batch.map((run) => sampleProjection(run)));
  const completed = [0, 1].map((number) => sampleRun(number));
  await write(...completed);
  for (let number = 2; number < LIMITS.scannedRuns + 1; number++) {
    await write(sampleRun(number, { status: "failed" }));
  }
  let arrived = LIMITS.scannedRuns;
  const batch: D1Database["batch"] = async (statements) => {
    const results = await database.batch<never>(statements);
    await write(sampleRun(++arrived, { status: "failed" }));
    return results;
  };
  const busy = new Proxy(database, {
    get: (target, name) => (name === "batch" ? batch : Reflect.get(target, name).bind(target)),
  });
  const ids = await walkList(d1History(busy), { status: "completed" }, 2);
  expect(ids).toEqual(completed.map(({ id }) => id).toReversed());
});
