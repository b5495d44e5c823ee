/** `npm run bench -- http`: what clients wait for: submitting, reading, listing, following. */
import { setTimeout as delay } from "node:timers/promises";
import { followRun } from "./follow-run.ts";
import { type Row, rowOf, settle, timeOf } from "./measure.ts";
import type { Report } from "./report.ts";
import { chain } from "./shapes.ts";
import { complete, read, submit } from "./start-run.ts";
import { withHistory } from "./with-history.ts";

const HISTORY_RUNS = 100_000;
const PAGE_ITEMS = 50;
const CLIENTS = 16;
/** Of each client; those that warm up do not count. */
const SUBMITTED: Counts = { warmUp: 5, counted: 25 };
/** Between two runs of a client that has something else to do: at most, and half of it in the mean. */
const PAUSE_MS = 1000;
const READ: Counts = { warmUp: 20, counted: 200 };
const FOLLOWED: Counts = { warmUp: 2, counted: 20 };
/** So many that a follower is there before the end. */
const FOLLOWED_TASKS = 100;

type Counts = { warmUp: number; counted: number };

export async function benchHttp(): Promise<Report> {
  const rows = await withHistory(HISTORY_RUNS, async (url) => [
    ...(await submitting(url)),
    ...(await reading(url)),
    ...(await following(url)),
  ]);
  return { title: `http: with ${HISTORY_RUNS} runs in history, milliseconds`, rows, ratios: {} };
}

/**
 * Of one-task runs. Some thirty a second come at any moment; or each client submits the next at once, where the runs
 * before are carried out meanwhile and what is measured is how many runs a second there can be.
 */
async function submitting(url: string): Promise<Row[]> {
  const ofAll = async (pauseMs: number) => {
    const client = () => repeat(SUBMITTED, () => submitAfter(Math.random() * pauseMs, url));
    const times = await Promise.all(Array.from({ length: CLIENTS }, client));
    await settle();
    return times.flat();
  };
  return [
    rowOf(`submit a run, ${CLIENTS} clients (target: median at most 10)`, await ofAll(PAUSE_MS)),
    rowOf(`submit a run, ${CLIENTS} clients without a pause`, await ofAll(0)),
  ];
}

/** Milliseconds of the submission alone. */
async function submitAfter(pauseMs: number, url: string): Promise<number> {
  await delay(pauseMs);
  return await timeOf(() => submit(url, chain(1)));
}

async function reading(url: string): Promise<Row[]> {
  const id = await complete(url, chain(5));
  await settle();
  const get = (path: string) => repeat(READ, () => timeOf(() => read(`${url}${path}`)));
  return [
    rowOf("get an ended run (target: median at most 3)", await get(`/v1/runs/${id}`)),
    rowOf(
      `list ${PAGE_ITEMS} of ${HISTORY_RUNS} runs (target: median at most 15)`,
      await get(`/v1/runs?limit=${PAGE_ITEMS}`),
    ),
  ];
}

async function following(url: string): Promise<Row[]> {
  const times = await repeat(FOLLOWED, () => followRun(url, chain(FOLLOWED_TASKS)));
  return [
    rowOf(
      "events: from submitting to the first seen",
      times.map(({ firstMs }) => firstMs),
    ),
    rowOf(
      "events: from a run's end to its last seen",
      times.map(({ lastMs }) => lastMs),
    ),
  ];
}

/** What was measured, one after the other. */
async function repeat<Measured>(
  { warmUp, counted }: Counts,
  once: () => Promise<Measured>,
): Promise<Measured[]> {
  const measured: Measured[] = [];
  for (let time = 0; time < warmUp + counted; time++) measured.push(await once());
  return measured.slice(warmUp);
}
