/** Whether an ended run is what it had to be: its journal, its results, and the calls that were made for it. */

import * as z from "zod";
import { type Client, connect } from "../../src/client/client.ts";
import { type JournalEntry, journalEntry } from "../../src/contract/event.ts";
import { isJsonObject } from "../../src/contract/json.ts";
import { workflow } from "../../src/contract/workflow.ts";
import { Journal } from "../sim/journal.ts";
import type { Accepted } from "./submit-runs.ts";

/** `finishedAt`: ms since 1970. */
export type Checked = { broken: string[]; attempts: number; lost: number; finishedAt: number };

const page = z.object({ items: z.array(journalEntry), nextCursor: z.string().nullable() });
const PAGE_ITEMS = 100;
const PAGES_MOST = 100;

/** `calls`: how often the provider was called, by run key and task id. */
export async function checkRun(url: string, run: Accepted, calls: Map<string, number>): Promise<Checked> {
  const client = connect({ url });
  const { status, finishedAt } = await client.run(run.id);
  const journal = await readJournal(url, run.id);
  const started = journal.filter(({ type }) => type === "task.started");
  const broken = [
    ...(status === "completed" ? [] : [`it is ${status}: ${lastOf(journal)}`]),
    ...checkSeqs(journal),
    ...(await checkOrder(url, run.id, journal)),
    ...(await checkResults(client, run)),
    ...checkCalls(run, started, calls),
  ];
  return {
    broken: broken.map((what) => `${run.id} (${run.key}): ${what}`),
    attempts: started.length,
    finishedAt: Date.parse(finishedAt ?? ""),
    lost: journal.filter((event) => event.type === "task.retrying" && event.outcome === "lost").length,
  };
}

async function readJournal(url: string, id: string): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  let after = "0";
  for (let pages = 0; pages < PAGES_MOST; pages++) {
    const found = page.parse(
      await getJson(`${url}/v1/runs/${id}/events?limit=${PAGE_ITEMS}&cursor=${after}`),
    );
    entries.push(...found.items);
    if (found.nextCursor === null) return entries;
    after = found.nextCursor;
  }
  throw new Error(`the journal of ${id} does not end within ${PAGES_MOST} pages`);
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url, { headers: { accept: "application/json" } });
  if (!response.ok) throw new Error(`GET ${url}: ${response.status} ${await response.text()}`);
  return await response.json();
}

function checkSeqs(journal: JournalEntry[]): string[] {
  const gap = journal.find(({ seq }, index) => seq !== index + 1);
  return gap === undefined ? [] : [`event ${gap.seq} (${gap.type}) is where another had to be`];
}

/** By the rules that the simulation holds the engine to. */
async function checkOrder(url: string, id: string, entries: JournalEntry[]): Promise<string[]> {
  const definition = { id, inputs: {}, createdAt: 0, methodDefaults: {}, methods: {} };
  const checked = workflow.parse(await getJson(`${url}/v1/runs/${id}/workflow`));
  const journal = new Journal({ ...definition, workflow: checked });
  try {
    for (const entry of entries) journal.add(entry);
    return [];
  } catch (error) {
    return [`event ${journal.length}: ${error instanceof Error ? error.message : error}`];
  }
}

async function checkResults(client: Client, { id, responses }: Accepted): Promise<string[]> {
  const results = await client.results(id);
  return [...responses].flatMap(([taskId, expected]) => {
    const result = results[taskId];
    const response = isJsonObject(result) ? result["response"] : result;
    return response === expected ? [] : [`${taskId} answered ${JSON.stringify(response)}, not "${expected}"`];
  });
}

function checkCalls(run: Accepted, started: JournalEntry[], calls: Map<string, number>): string[] {
  return [...run.responses.keys()].flatMap((taskId) => {
    const made = calls.get(`${run.key}/${taskId}`) ?? 0;
    const recorded = started.filter((event) => "taskId" in event && event.taskId === taskId).length;
    return made <= recorded ? [] : [`${taskId} was called ${made} times in ${recorded} attempts`];
  });
}

/** How far a run is, for who has to find out why. */
export async function describeRun(url: string, id: string): Promise<string> {
  const { status, progress } = await connect({ url }).run(id);
  return `${id} is ${status}, ${JSON.stringify(progress)}: ${lastOf(await readJournal(url, id))}`;
}

function lastOf(journal: JournalEntry[]): string {
  return journal
    .slice(-3)
    .map((event) => JSON.stringify(event))
    .join(" ");
}
