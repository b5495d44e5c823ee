/** Pages of two histories as one page: newest first, each run once, nothing left out between two pages. */
import type { RunId } from "../contract/id.ts";
import { LIMITS } from "../contract/limits.ts";
import { hasEnded, type RunStatus, type RunSummary } from "../contract/run.ts";
import { encodeCursor, parseCursor } from "./cursor.ts";
import type { ListedRuns } from "./run-history.ts";

/** `isDoubtful`: only reading the run tells which version is the latest, and so whether it belongs here at all. */
type MergedRun = { summary: RunSummary; isDoubtful: boolean };
export type Merged = { runs: MergedRun[]; nextCursor: string | null };

/** `main` is of `status`, where one is asked for; `waiting` of all. */
type Asked = { limit: number; status: RunStatus | undefined };

/** Both from the same cursor; of a run that both have, the later version. */
export function mergePages(main: ListedRuns, waiting: ListedRuns, { limit, status }: Asked): Merged {
  const end = laterEnd(main.nextCursor, waiting.nextCursor);
  const merged = mergeRuns(main.items, waiting.items, status)
    .filter(({ summary: { id } }) => end === undefined || id >= end)
    .sort((one, other) => (one.summary.id < other.summary.id ? 1 : -1));
  const runs = merged.slice(0, countFitting(merged, Math.min(limit, LIMITS.pageItems)));
  const last = runs.length < merged.length ? runs.at(-1)?.summary.id : end;
  return { runs, nextCursor: last === undefined ? null : encodeCursor(last) };
}

/** Where the first of the two pages ends: beyond it that one may have what the other cannot know. */
function laterEnd(...cursors: (string | null)[]): RunId | undefined {
  const ends = cursors.flatMap((cursor) => (cursor === null ? [] : [parseCursor(cursor)]));
  return ends.sort().at(-1);
}

function mergeRuns(main: RunSummary[], waiting: RunSummary[], status: Asked["status"]): MergedRun[] {
  const merged = new Map(main.map((summary) => [summary.id, { summary, isDoubtful: false }]));
  for (const run of waiting) {
    const there = merged.get(run.id)?.summary;
    const isWanted = status === undefined || run.status === status;
    const order = there === undefined ? "later" : compareVersions(run, there);
    if (order === "earlier") continue;
    // The other side may have it later in another status, and so not have listed it.
    const isHidden = there === undefined && status !== undefined;
    if (order === "unknown") merged.set(run.id, { summary: there ?? run, isDoubtful: true });
    else if (isWanted) merged.set(run.id, { summary: run, isDoubtful: isHidden });
    else merged.delete(run.id);
  }
  return [...merged.values()];
}

/** Summaries do not say their revision. A later generation is later, and so is its end; all else may come and go. */
function compareVersions(run: RunSummary, than: RunSummary): "later" | "earlier" | "unknown" {
  const [mine, its] = [ageOf(run), ageOf(than)];
  if (mine !== its) return mine > its ? "later" : "earlier";
  return JSON.stringify(run) === JSON.stringify(than) ? "earlier" : "unknown";
}

const ageOf = ({ generation, status }: RunSummary): number => 2 * generation + (hasEnded(status) ? 1 : 0);

const encoder = new TextEncoder();

/** As many as a page may have, in number and in bytes; always one. */
function countFitting(runs: MergedRun[], limit: number): number {
  let bytes = 0;
  const end = runs.findIndex(({ summary }, index) => {
    bytes += encoder.encode(JSON.stringify(summary)).length;
    return index === limit || (index > 0 && bytes > LIMITS.pageBytes);
  });
  return end === -1 ? runs.length : end;
}
