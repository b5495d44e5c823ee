/** `npm run bench -- history`: what each backend of history takes to write, list, read, count and remove runs. */
import * as z from "zod";
import { HISTORY_BACKENDS, type HistoryBackend } from "../src/contract/api.ts";
import { LIMITS } from "../src/contract/limits.ts";
import type { HistoryAct } from "../test/workerd/history-act.ts";
import { type Row, rowOf } from "./measure.ts";
import type { Report } from "./report.ts";
import { askHistory, withHistory } from "./with-history.ts";

const RUNS = 100_000;
const PAGE_ITEMS = 50;
const PRUNED_RUNS = 500;
/** What ended before is removed, as it is by the sweep. */
const KEPT_MS = 90 * 86_400_000;
const WARM_UP_ROUNDS = 2;
const ROUNDS = 20;
const BACKENDS = HISTORY_BACKENDS;
const NAMES: Record<HistoryBackend, string> = { d1: "D1", durable: "Durable Object", memory: "memory" };

const RUNNING = { type: "rewrite", number: 0 } as const;
const tag = { key: "tenant", value: "tenant-8" };
const FILTERS = {
  "no filter": {},
  "status failed": { status: "failed" },
  "one workflow of 19": { workflow: "workflow-3" },
  "one tag of 53": { tag },
  "that tag and status failed": { status: "failed", tag },
} as const;

const WRITE = `write a batch of ${LIMITS.historyBatchRuns} short ended runs`;

type Act = (round: number) => HistoryAct;
type Case = { backend: HistoryBackend; name: string; act: Act };
type Measured = { rows: Row[]; shortPages: Record<string, number> };

export async function benchHistory(): Promise<Report> {
  const { rows, shortPages } = await withHistory(RUNS, measureAll, BACKENDS);
  const perSecond = BACKENDS.map((backend) => {
    const medianMs = rows.find(({ name }) => name === nameOf(backend, WRITE))?.medianMs ?? Number.NaN;
    return [`${NAMES[backend]}: runs written per second`, (LIMITS.historyBatchRuns * 1000) / medianMs];
  });
  const title = `history: with ${RUNS} runs in each backend, milliseconds, the request to the Worker included`;
  return { title, rows, ratios: {}, figures: { ...Object.fromEntries(perSecond), ...shortPages } };
}

/** Backends take turns at each case, so that what else the machine does is nobody's advantage. */
async function measureAll(url: string): Promise<Measured> {
  const times = new Map<string, number[]>();
  const shortPages: Record<string, number> = {};
  const casesOfAll = await Promise.all(BACKENDS.map((backend) => casesOf(url, backend)));
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    for (const { backend, name, act } of inTurn(casesOfAll)) {
      const began = performance.now();
      const said = await askHistory(url, backend, act(round));
      const takenMs = performance.now() - began;
      const taken = times.get(nameOf(backend, name)) ?? [];
      times.set(nameOf(backend, name), round < WARM_UP_ROUNDS ? taken : [...taken, takenMs]);
      const page = shortPage.safeParse(said);
      if (page.success) shortPages[`${nameOf(backend, name)}: runs on the page`] = page.data.count;
    }
  }
  return { rows: [...times].map(([name, taken]) => rowOf(name, taken)), shortPages };
}

const inTurn = (casesOfAll: Case[][]): Case[] =>
  (casesOfAll[0] ?? []).flatMap((_, place) => casesOfAll.flatMap((cases) => cases[place] ?? []));

/** Each backend has ids of its own, since its runs were made at another time. */
async function casesOf(url: string, backend: HistoryBackend): Promise<Case[]> {
  const createdAt = Date.now();
  const { id } = listed.parse(await askHistory(url, backend, listOf({})));
  const before = createdAt - KEPT_MS;
  const lists = Object.entries(FILTERS).map(([name, filter]): [string, Act] => [
    `list ${PAGE_ITEMS}: ${name}`,
    () => listOf(filter),
  ]);
  const cases: [string, Act][] = [
    ["the request alone", () => ({ type: "nothing" })],
    [WRITE, (round) => writeOf(round)],
    ["write a run again that went on", (round) => ({ ...RUNNING, createdAt, revision: 3 + round })],
    ...lists,
    ["read one record", () => ({ type: "read", id })],
    ["count by status", () => ({ type: "count" })],
    [`remove ${PRUNED_RUNS} that ended long ago`, () => ({ type: "prune", before, limit: PRUNED_RUNS })],
  ];
  return cases.map(([name, act]) => ({ backend, name, act }));
}

const listOf = (filter: (typeof FILTERS)[keyof typeof FILTERS]): HistoryAct => ({
  type: "list",
  limit: PAGE_ITEMS,
  filter,
});

const writeOf = (round: number): HistoryAct => ({
  type: "write",
  first: RUNS + round * LIMITS.historyBatchRuns,
  count: LIMITS.historyBatchRuns,
});

/** A page is short where an index serves not all of a filter: so many runs are looked at for it, and no more. */
const shortPage = z.object({ count: z.int().max(PAGE_ITEMS - 1) });
const listed = z.object({ id: z.string() });

const nameOf = (backend: HistoryBackend, name: string): string => `${NAMES[backend]}: ${name}`;
