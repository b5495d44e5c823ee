/** History in SQLite, wherever it is: what D1 and a Durable Object share, which is all but how statements are run. */
import { asc, eq, type Query } from "drizzle-orm";
import type { BatchItem, BatchResponse } from "drizzle-orm/batch";
import type { BaseSQLiteDatabase } from "drizzle-orm/sqlite-core";
import { GleitzeitError } from "../contract/error.ts";
import type { RunId } from "../contract/id.ts";
import { countsOf, selectCounts } from "./counts.ts";
import { selectPage } from "./page.ts";
import { projectStatements } from "./project.ts";
import { isFull, listedRuns, planList, selectLastCandidate, selectListed } from "./query.ts";
import { removeStatements, selectEnded } from "./remove.ts";
import { joinRecord } from "./rows.ts";
import type { Projection, RunCounts, RunFilter, RunHistory, RunPage, RunVersion } from "./run-history.ts";
import { selectSilent, touch } from "./silent.ts";
import { runRecords, runs } from "./tables.ts";

/** Only builds statements; {@link Store} runs them. */
export type Database = BaseSQLiteDatabase<"async" | "sync", unknown>;
export type Statement = BatchItem<"sqlite"> & { prepare(): { all(): unknown }; toSQL(): Query };
export type Statements = readonly [Statement, ...Statement[]];

/** What history needs of a database. What it throws is for logs alone: messages may repeat values of the statements. */
export type Store = {
  database: Database;
  /** One transaction; the rows of each statement, none where nothing was ever written. */
  run<const Asked extends Statements>(statements: Asked): Promise<BatchResponse<Asked>>;
  /** The same, and the tables are there afterwards. */
  write(statements: Statements): Promise<void>;
};

export function sqlHistory(store: Store): RunHistory {
  return {
    write: (batch, replaced = []) => write(store, batch, replaced),
    list: (filter, page) => list(store, filter, page),
    read: (id) => read(store, id),
    count: () => count(store),
    takeSilent: (before, now, limit) => takeSilent(store, before, now, limit),
    prune: (before, limit) => prune(store, before, limit),
    page: (after) => page(store, after),
    remove: (versions) => remove(store, versions).then(() => {}),
  };
}

async function write(
  { database, ...store }: Store,
  batch: readonly Projection[],
  replaced: readonly RunVersion[],
): Promise<void> {
  const [first, ...rest] = [
    ...(replaced.length === 0 ? [] : removeStatements(database, replaced)),
    ...projectStatements(database, batch, Date.now()),
  ];
  if (first !== undefined) await answered("write", store.write([first, ...rest]));
}

async function list(store: Store, filter: RunFilter, page: RunPage) {
  const plan = planList(filter, page);
  const listed = selectListed(store.database, plan);
  const [rows] = await answered("list", store.run([listed]));
  if (isFull(rows, plan) || plan.sieve.length === 0) return listedRuns(rows, plan);
  // Once more, since what was looked at may be another thing by now: both must speak of the same.
  const last = selectLastCandidate(store.database, plan);
  const [again, [lastLookedAt]] = await answered("list", store.run([listed, last]));
  return listedRuns(again, plan, lastLookedAt?.id);
}

/** Both at once: a projection that arrives in between must not give the row of one and the parts of another. */
async function read({ database, ...store }: Store, id: RunId): Promise<Projection | undefined> {
  const ofRun = database
    .select({ revision: runs.revision, summary: runs.summary, record: runs.record })
    .from(runs)
    .where(eq(runs.id, id));
  const ofParts = database
    .select({ body: runRecords.body })
    .from(runRecords)
    .where(eq(runRecords.runId, id))
    .orderBy(asc(runRecords.part));
  const [[row], parts] = await answered("read", store.run([ofRun, ofParts]));
  return row && { ...row, record: joinRecord([row.record, ...parts.map(({ body }) => body)]) };
}

async function count({ database, ...store }: Store): Promise<RunCounts> {
  const [rows] = await answered("count", store.run([selectCounts(database)]));
  return countsOf(rows);
}

async function takeSilent(
  { database, ...store }: Store,
  before: number,
  now: number,
  limit: number,
): Promise<RunId[]> {
  const silent = { before, limit };
  const [rows] = await answered(
    "find",
    store.run([selectSilent(database, silent), touch(database, silent, now)]),
  );
  return rows.map(({ id }) => id);
}

/** Found first, then removed: what began anew in between has another revision and stays. */
async function prune(store: Store, before: number, limit: number): Promise<number> {
  const [ended] = await answered("find", store.run([selectEnded(store.database, before, limit)]));
  return await remove(store, ended);
}

async function page({ database, ...store }: Store, after: RunId | undefined): Promise<Projection[]> {
  const { ofRuns, ofParts } = selectPage(database, after);
  const [rows, parts] = await answered("read", store.run([ofRuns, ofParts]));
  const bodies = Map.groupBy(parts, ({ runId }) => runId);
  return rows.map(({ id, revision, summary, record }) => {
    const rest = bodies.get(id) ?? [];
    return { revision, summary, record: joinRecord([record, ...rest.map(({ body }) => body)]) };
  });
}

/** How many there were. */
async function remove({ database, ...store }: Store, versions: readonly RunVersion[]): Promise<number> {
  if (versions.length === 0) return 0;
  const [, , , removed] = await answered("remove", store.run(removeStatements(database, versions)));
  return removed.length;
}

/** The cause is for logs alone: drizzle's messages repeat the values of the statement, which are somebody's data. */
async function answered<Result>(
  what: "write" | "list" | "read" | "count" | "find" | "remove",
  work: Promise<Result>,
): Promise<Result> {
  try {
    return await work;
  } catch (cause) {
    const message = `history: the database failed to ${what} runs; GET /v1/runs/{id} works without it`;
    throw new GleitzeitError("unavailable", message, { cause });
  }
}
