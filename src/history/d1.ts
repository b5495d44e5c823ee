/** History in D1: a batch is one transaction, and a failure of the database is `unavailable`, never a fault of a run. */
import { asc, eq } from "drizzle-orm";
import { type DrizzleD1Database, drizzle } from "drizzle-orm/d1";
import { GleitzeitError } from "../contract/error.ts";
import { LIMITS } from "../contract/limits.ts";
import { encodeCursor } from "./cursor.ts";
import { joinProjection } from "./document.ts";
import { projectStatements } from "./project.ts";
import { selectRuns } from "./query.ts";
import type { Projection, RunFilter, RunHistory, RunPage } from "./run-history.ts";
import { runDocuments, runs } from "./tables.ts";

export function d1History(database: D1Database): RunHistory {
  const store = drizzle(database);
  return {
    write: (batch) => write(store, batch),
    list: (filter, page) => list(store, filter, page),
    read: (runId) => read(store, runId),
  };
}

async function write(store: DrizzleD1Database, batch: Projection[]): Promise<void> {
  const [first, ...rest] = projectStatements(store, batch);
  if (first !== undefined) await answered("write", store.batch([first, ...rest]));
}

async function list(store: DrizzleD1Database, filter: RunFilter, page: RunPage) {
  const limit = Math.min(page.limit, LIMITS.pageItems);
  const found = await answered("list", selectRuns(store, filter, { ...page, limit }));
  const rows = found.slice(0, limit);
  const last = found.length > limit ? rows.at(-1) : undefined;
  return {
    items: rows.map((row) => row.summary),
    nextCursor: last === undefined ? null : encodeCursor(last.id),
  };
}

/** Both in one batch: a projection that arrives in between must not give the row of one and the parts of another. */
async function read(store: DrizzleD1Database, runId: string) {
  const ofRun = store
    .select({ summary: runs.summary, summaryBytes: runs.summaryBytes, document: runs.document })
    .from(runs)
    .where(eq(runs.id, runId));
  const ofParts = store
    .select({ body: runDocuments.body })
    .from(runDocuments)
    .where(eq(runDocuments.runId, runId))
    .orderBy(asc(runDocuments.part));
  const [[row], parts] = await answered("read", store.batch([ofRun, ofParts]));
  return row === undefined
    ? undefined
    : joinProjection(row, [row.document, ...parts.map((part) => part.body)]);
}

/** The cause is for logs alone: drizzle's messages repeat the values of the statement, which are somebody's data. */
async function answered<Result>(what: "write" | "list" | "read", work: PromiseLike<Result>): Promise<Result> {
  try {
    return await work;
  } catch (cause) {
    const message = `history: the database failed to ${what} runs; GET /v1/runs/{id} works without it`;
    throw new GleitzeitError("unavailable", message, { cause });
  }
}
