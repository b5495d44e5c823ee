/**
 * History in memory, which forgets when its object does: for tests, and for who wants no database at all. It behaves as
 * the others do, limits included; what it is given and what it gives are copies.
 */
import type { RunId } from "../contract/id.ts";
import { LIMITS } from "../contract/limits.ts";
import { hasEnded, type RunSummary } from "../contract/run.ts";
import { countsOf } from "./counts.ts";
import { encodeCursor } from "./cursor.ts";
import { type Asked, parseAsked } from "./filter.ts";
import { firstIdAfter } from "./id-time.ts";
import type { ListedRuns, Projection, RunCounts, RunFilter, RunHistory, RunVersion } from "./run-history.ts";

type Kept = Projection & { seenAt: number; bytes: number };

/** `ids` are the keys of `runs`, sorted; `counts` and `bytes` are theirs. */
type Memory = { runs: Map<RunId, Kept>; ids: RunId[]; counts: RunCounts; bytes: number };

export function memoryHistory(): RunHistory {
  const memory: Memory = { runs: new Map(), ids: [], counts: countsOf([]), bytes: 0 };
  return {
    write: async (batch, replaced = []) => {
      remove(memory, replaced);
      for (const projection of batch) keep(memory, projection);
    },
    list: async (filter, page) => list(memory, filter, parseAsked(filter, page)),
    read: async (id) => copyOf(memory.runs.get(id)),
    count: async () => ({ ...memory.counts }),
    takeSilent: async (before, now, limit) => takeSilent(memory, before, now, limit),
    prune: async (before, limit) => remove(memory, endedBefore(memory, before, limit)),
    page: async (after) => page(memory, after ?? ""),
    remove: async (versions) => void remove(memory, versions),
  };
}

function keep(memory: Memory, { revision, summary, record }: Projection): void {
  const known = memory.runs.get(summary.id);
  if (known !== undefined && known.revision >= revision) return;
  if (known === undefined) memory.ids.splice(placeOf(memory.ids, summary.id), 0, summary.id);
  else memory.counts[known.summary.status]--;
  memory.counts[summary.status]++;
  const bytes = new TextEncoder().encode(JSON.stringify(summary)).length + record.length;
  const copy = { revision, summary: structuredClone(summary), record: record.slice() };
  memory.runs.set(summary.id, { ...copy, seenAt: Date.now(), bytes });
  memory.bytes += bytes - (known?.bytes ?? 0);
  forgetOldest(memory);
}

/** An object has 128 MB: where there is no room for more, the oldest make it. Their own objects keep them. */
function forgetOldest(memory: Memory): void {
  while (memory.bytes > LIMITS.memoryHistoryBytes && memory.ids.length > 1) {
    const oldest = memory.runs.get(memory.ids[0] ?? "");
    if (oldest !== undefined) remove(memory, [{ id: oldest.summary.id, revision: oldest.revision }]);
  }
}

function copyOf(kept: Kept | undefined): Projection | undefined {
  if (kept === undefined) return undefined;
  const { revision, summary, record } = kept;
  return { revision, summary: structuredClone(summary), record: record.slice() };
}

function list({ runs, ids }: Memory, filter: RunFilter, asked: Asked): ListedRuns {
  const items: RunSummary[] = [];
  let bytes = 0;
  const end = placeOf(ids, asked.endId);
  const start = Math.max(placeOf(ids, asked.firstId), end - LIMITS.scannedRuns);
  for (let place = end - 1; place >= start; place--) {
    const kept = runs.get(ids[place] ?? "");
    if (kept === undefined || !fits(kept.summary, filter, asked)) continue;
    bytes += kept.bytes - kept.record.length;
    const isFull = items.length === asked.limit || (items.length > 0 && bytes > LIMITS.pageBytes);
    if (isFull) return { items, nextCursor: cursorAt(items.at(-1)?.id) };
    items.push(structuredClone(kept.summary));
  }
  const mayBeMore = end - start === LIMITS.scannedRuns;
  return { items, nextCursor: mayBeMore ? cursorAt(ids[start]) : null };
}

function cursorAt(id: RunId | undefined): string | null {
  return id === undefined ? null : encodeCursor(id);
}

function fits(summary: RunSummary, { status, workflow, tag }: RunFilter, { since, until }: Asked): boolean {
  const createdAt = Date.parse(summary.createdAt);
  return (
    (status === undefined || summary.status === status) &&
    (workflow === undefined || summary.workflow.name === workflow) &&
    (tag === undefined || (Object.hasOwn(summary.tags, tag.key) && summary.tags[tag.key] === tag.value)) &&
    (since === undefined || createdAt >= since) &&
    (until === undefined || createdAt < until)
  );
}

function takeSilent({ runs }: Memory, before: number, now: number, limit: number): RunId[] {
  const silent = [...runs.values()]
    .filter(({ summary: { status }, seenAt }) => isGoingOn(status) && seenAt < before)
    .sort((one, other) => one.seenAt - other.seenAt || (one.summary.id < other.summary.id ? -1 : 1))
    .slice(0, limit);
  for (const kept of silent) kept.seenAt = now;
  return silent.map(({ summary }) => summary.id);
}

function isGoingOn(status: RunSummary["status"]): boolean {
  return status === "pending" || status === "running";
}

function endedBefore({ runs, ids }: Memory, before: number, limit: number): RunVersion[] {
  const oldest = ids.slice(0, placeOf(ids, firstIdAfter(before))).flatMap((id) => runs.get(id) ?? []);
  return oldest
    .filter(({ summary }) => hasEnded(summary.status) && Date.parse(summary.finishedAt ?? "") < before)
    .slice(0, limit)
    .map(({ summary, revision }) => ({ id: summary.id, revision }));
}

function remove(memory: Memory, versions: readonly RunVersion[]): number {
  const { runs, ids, counts } = memory;
  let removed = 0;
  for (const { id, revision } of versions) {
    const kept = runs.get(id);
    if (kept?.revision !== revision) continue;
    runs.delete(id);
    ids.splice(placeOf(ids, id), 1);
    counts[kept.summary.status]--;
    memory.bytes -= kept.bytes;
    removed++;
  }
  return removed;
}

function page({ runs, ids }: Memory, after: RunId): Projection[] {
  const start = placeOf(ids, after) + (runs.has(after) ? 1 : 0);
  const found: Projection[] = [];
  let bytes = 0;
  for (const id of ids.slice(start, start + LIMITS.historyBatchRuns)) {
    const kept = runs.get(id);
    bytes += kept?.bytes ?? 0;
    if (found.length > 0 && bytes > LIMITS.historyBatchBytes) break;
    found.push(...[copyOf(kept)].filter((copy) => copy !== undefined));
  }
  return found;
}

/** Where the id stands among those sorted, or would. */
function placeOf(ids: readonly RunId[], id: RunId): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ids[middle] ?? "") < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
