/** Every question has its index: nothing looks at all runs, whatever is asked together. */
import { env } from "cloudflare:workers";
import { drizzle } from "drizzle-orm/d1";
import { beforeAll, describe, expect, test } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import { d1History } from "../../src/history/d1.ts";
import { selectPage } from "../../src/history/page.ts";
import { projectStatements } from "../../src/history/project.ts";
import { planList, selectLastCandidate, selectListed } from "../../src/history/query.ts";
import { removeStatements, selectEnded } from "../../src/history/remove.ts";
import type { RunFilter, RunHistory } from "../../src/history/run-history.ts";
import { selectSilent, touch } from "../../src/history/silent.ts";
import { countRows, emptyDatabase } from "../workerd/history-database.ts";
import { NOON, sampleProjection, sampleRun } from "./sample.ts";
import { allFilters } from "./suite-lists.ts";

const database = drizzle(env.DB);
const CURSOR = btoa(sampleRun(1).id);
const RUNS = 2 * LIMITS.scannedRuns;

let history: RunHistory;
beforeAll(async () => {
  history = d1History(await emptyDatabase());
  for (let start = 0; start < RUNS; start += LIMITS.historyBatchRuns) {
    const numbers = Array.from({ length: LIMITS.historyBatchRuns }, (_, index) => start + index);
    const status = (number: number) => (number % 10 === 0 ? "failed" : "completed");
    const tags = { team: "a" };
    await history.write(
      numbers.map((number) => sampleProjection(sampleRun(number, { status: status(number), tags }))),
    );
  }
  await env.DB.prepare("analyze").run();
});

type Built = { toSQL(): { sql: string; params: unknown[] } };

/** The steps that touch a table or sort, as SQLite says them. */
async function stepsOf(built: Built): Promise<string[]> {
  const { sql, params } = built.toSQL();
  expect(params.length, "values of one statement, of which D1 takes 100").toBeLessThanOrEqual(100);
  const plan = env.DB.prepare(`explain query plan ${sql}`).bind(...params);
  const details = (await plan.all<{ detail: string }>()).results.map(({ detail }) => detail);
  return details.filter((detail) => /^(SCAN|SEARCH) run|TEMP B-TREE/.test(detail));
}

const LOOK_UP = "SEARCH runs USING PRIMARY KEY (id=?)";

describe("candidates of a list come from", () => {
  const team = { key: "team", value: "a" };
  const BY_KEY = "SEARCH runs USING PRIMARY KEY (id>? AND id<?)";
  const BY_STATUS = "SEARCH runs USING COVERING INDEX runs_by_status (status=? AND id>? AND id<?)";
  const BY_WORKFLOW = "SEARCH runs USING COVERING INDEX runs_by_workflow (workflow=? AND id>? AND id<?)";
  const BY_TAG = "SEARCH run_tags USING PRIMARY KEY (key=? AND value=? AND run_id>? AND run_id<?)";

  test.each<[string, RunFilter, string]>([
    ["the key", {}, BY_KEY],
    ["the key, where the status is completed", { status: "completed" }, BY_KEY],
    ["the key, for times", { since: "2026-11-01T00:00:00Z", until: "2026-11-02T00:00:00Z" }, BY_KEY],
    ["the index of statuses", { status: "failed" }, BY_STATUS],
    ["the index of statuses, before that of workflows", { status: "failed", workflow: "greet" }, BY_STATUS],
    ["the index of workflows", { workflow: "greet" }, BY_WORKFLOW],
    ["the index of workflows, for completed", { status: "completed", workflow: "greet" }, BY_WORKFLOW],
    ["tags", { tag: team }, BY_TAG],
    ["tags, before all others", { tag: team, status: "failed", workflow: "greet" }, BY_TAG],
  ])("%s", async (_name, filter, step) => {
    const plan = planList(filter, { limit: 50 });
    expect(await stepsOf(selectListed(database, plan))).toEqual([step, LOOK_UP, LOOK_UP]);
    expect(await stepsOf(selectLastCandidate(database, plan))).toEqual([step]);
  });

  test("ranges of an index for all filters together, on the first page and on others", async () => {
    for (const filter of allFilters()) {
      for (const cursor of [undefined, CURSOR]) {
        const plan = planList(filter, { limit: 50, cursor });
        const steps = await stepsOf(selectListed(database, plan));
        expect(steps, JSON.stringify(filter)).toEqual([
          expect.stringMatching(/id>\? AND .*id<\?/),
          LOOK_UP,
          LOOK_UP,
        ]);
      }
    }
  });
});

describe("rows that are read", () => {
  const rowsRead = async (ask: (history: RunHistory) => Promise<unknown>) => {
    const { database: counted, rowsRead } = countRows(env.DB);
    await ask(d1History(counted));
    return rowsRead();
  };
  const ofList = (filter: RunFilter) => rowsRead((counted) => counted.list(filter, { limit: 50 }));

  test.each<[string, RunFilter]>([
    ["no filter", {}],
    ["status", { status: "failed" }],
    ["status completed", { status: "completed" }],
    ["workflow", { workflow: "greet" }],
    ["tag", { tag: { key: "team", value: "a" } }],
    ["times", { since: new Date(NOON).toISOString(), until: new Date(NOON + 1).toISOString() }],
    ["tag and workflow", { tag: { key: "team", value: "a" }, workflow: "greet" }],
  ])("by a list with %s: a few for each run it gives", async (_name, filter) => {
    expect(await ofList(filter)).toBeLessThanOrEqual(6 * 51);
  });

  test("by a list whose filters hold back all runs: a few for each it may look at", async () => {
    const filter = { workflow: "greet", tag: { key: "team", value: "a" }, status: "paused" } as const;
    expect(await ofList(filter)).toBeLessThanOrEqual(8 * LIMITS.scannedRuns);
  });

  test.each<[string, (history: RunHistory) => Promise<unknown>, number]>([
    ["a page of whole projections", (counted) => counted.page(sampleRun(7).id), 10 * LIMITS.historyBatchRuns],
    ["one run", (counted) => counted.read(sampleRun(7).id), 2],
    ["counts", (counted) => counted.count(), 6],
    ["silent runs", (counted) => counted.takeSilent(NOON, NOON, 10), 10],
    ["writing", (counted) => counted.write([sampleProjection(sampleRun(7), 4)]), 12],
    ["removing", (counted) => counted.remove([{ id: sampleRun(7).id, revision: 5 }]), 25],
    ["pruning", (counted) => counted.prune(NOON + 1, 10), 25 * 10],
  ])("by %s: no more than it concerns", async (_name, ask, most) => {
    expect(await rowsRead(ask)).toBeLessThanOrEqual(most);
  });
});

describe("all others look runs up", () => {
  const versions = [{ id: sampleRun(1).id, revision: 5 }];
  const projection = sampleProjection(sampleRun(1, { tags: { team: "a" } }), 5, "x".repeat(LIMITS.rowBytes));

  test.each<[string, Built[]]>([
    ["writing", projectStatements(database, [projection], NOON)],
    ["removing", [...removeStatements(database, versions)]],
    ["pruning", [selectEnded(database, NOON, 10)]],
    [
      "silent runs",
      [
        selectSilent(database, { before: NOON, limit: 10 }),
        touch(database, { before: NOON, limit: 10 }, NOON),
      ],
    ],
    ["pages of whole projections", Object.values(selectPage(database, sampleRun(1).id))],
  ])("%s", async (_name, statements) => {
    const steps = (await Promise.all(statements.map(stepsOf))).flat();
    expect(steps).not.toEqual([]);
    for (const step of steps) expect(step).not.toMatch(/^SCAN/);
  });

  test("silent runs are found in the index alone, and then sorted", async () => {
    expect(await stepsOf(selectSilent(database, { before: NOON, limit: 10 }))).toEqual([
      "SEARCH runs USING COVERING INDEX runs_by_status (status=?)",
      "USE TEMP B-TREE FOR ORDER BY",
    ]);
  });

  test("tags of removed runs are found by their whole key", async () => {
    const steps = await Promise.all(removeStatements(database, versions).map(stepsOf));
    expect(steps.flat()).toContain("SEARCH run_tags USING PRIMARY KEY (key=? AND value=? AND run_id=?)");
  });
});
