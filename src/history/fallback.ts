/**
 * Two histories as one. What the first does not take goes to the second, which hands it on when the first is back
 * (drain.ts); meanwhile both are asked, and what they say is put together.
 *
 * The second is always asked before the first: what goes from it to the first in between is seen twice, not never.
 */
import { codeOf, GleitzeitError } from "../contract/error.ts";
import type { RunId } from "../contract/id.ts";
import { LIMITS, TIMING } from "../contract/limits.ts";
import type { RunSummary } from "../contract/run.ts";
import { inTime } from "./in-time.ts";
import { type Merged, mergePages } from "./merge-pages.ts";
import type { ListedRuns, Projection, RunFilter, RunHistory, RunPage } from "./run-history.ts";

/** When the first failed last (ms since 1970); remembered as long as the isolate lives. */
export type Health = { failedAt: number };

/** Nothing is written to the first now. */
export const isFailing = ({ failedAt }: Health): boolean => Date.now() < failedAt + TIMING.historyTrialMs;

/** Writing, listing and reading need one of the two; all else is asked of the first alone. */
export function withFallback(first: RunHistory, second: RunHistory, health: Health): RunHistory {
  const both: Both = { first, second, health };
  return {
    ...first,
    write: (batch) => write(both, batch),
    list: (filter, page) => list(both, filter, page),
    read: (id) => read(both, id),
    count: async () => answered(await ask(() => first.count(), health)),
  };
}

type Both = { first: RunHistory; second: RunHistory; health: Health };

async function write({ first, second, health }: Both, batch: readonly Projection[]): Promise<void> {
  if (!isFailing(health) && (await ask(() => first.write(batch), health)) !== undefined) return;
  await inTime(second.write(batch));
}

/** What waits is asked for in every status: a later version may have another one than the first knows. */
async function list(both: Both, filter: RunFilter, page: RunPage): Promise<ListedRuns> {
  const { first, second, health } = both;
  const { status, ...rest } = filter;
  const limit = status === undefined ? page.limit : LIMITS.pageItems;
  const waiting = await ask(() => second.list(rest, { ...page, limit }));
  const main = await ask(() => first.list(filter, page), health);
  if (main === undefined) {
    const alone = status === undefined ? waiting : await ask(() => second.list(filter, page));
    return { ...answered(alone), notice: FIRST_IS_AWAY };
  }
  if (waiting === undefined) return { ...main.value, notice: SECOND_IS_AWAY };
  if (waiting.value.items.length === 0 && waiting.value.nextCursor === null) return main.value;
  return await settle(both, mergePages(main.value, waiting.value, { ...page, status }), status);
}

const FIRST_IS_AWAY =
  "the database does not answer: only runs that changed since it failed are listed (GET /v1/status tells how many)";
const SECOND_IS_AWAY =
  "what waits for the database does not answer: runs that changed while the database failed may be missing or old";

/** Runs that are read at a time: of those that have ended each may have some MiB. */
const READ_AT_ONCE = 6;

/** Reads runs of which lists cannot tell the latest version; where that takes too long they are shown as they were listed. */
async function settle(
  both: Both,
  { runs, nextCursor }: Merged,
  status: RunSummary["status"] | undefined,
): Promise<ListedRuns> {
  const latest = new Map<RunId, RunSummary>();
  const doubtful = runs.filter(({ isDoubtful }) => isDoubtful).values();
  const readOn = async () => {
    for (const { summary } of doubtful) {
      const found = await read(both, summary.id);
      if (found !== undefined) latest.set(summary.id, found.summary);
    }
  };
  await ask(() => Promise.all(Array.from({ length: READ_AT_ONCE }, readOn)));
  const items = runs.map(({ summary }) => latest.get(summary.id) ?? summary);
  return { items: items.filter((run) => status === undefined || run.status === status), nextCursor };
}

/**
 * Not found only where both say so: who hears that a run does not exist takes it for lost. Nor is a version without its
 * record the last one for sure where the other says nothing.
 */
async function read({ first, second, health }: Both, id: RunId): Promise<Projection | undefined> {
  const waiting = await ask(() => second.read(id));
  const main = await ask(() => first.read(id), health);
  const found = later(main?.value, waiting?.value);
  const isWhole = found !== undefined && found.record.byteLength > 0;
  if (!isWhole) for (const answer of [main, waiting]) answered(answer);
  return found;
}

function later(one: Projection | undefined, other: Projection | undefined): Projection | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.revision > one.revision ? other : one;
}

type Answer<Value> = { value: Value } | undefined;

/** Undefined: it did not answer. What is wrong with the question is thrown. */
async function ask<Value>(question: () => Promise<Value>, health?: Health): Promise<Answer<Value>> {
  try {
    return { value: await inTime(question()) };
  } catch (error) {
    if (codeOf(error) === "invalid_request") throw error;
    if (health !== undefined) health.failedAt = Date.now();
    console.warn("history: a backend did not answer", String(error));
    return undefined;
  }
}

function answered<Value>(answer: Answer<Value>): Value {
  if (answer !== undefined) return answer.value;
  const message = "history: no backend answers; GET /v1/runs/{id} works without them";
  throw new GleitzeitError("unavailable", message);
}
