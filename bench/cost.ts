/**
 * `npm run bench -- cost`: what runs cost by list price, from operations that were counted in the whole local service,
 * history included, and what the same costs elsewhere.
 */
import type { JsonObject } from "../src/contract/json.ts";
import { startFakeOllama } from "../test/fake-ollama/server.ts";
import { type Counts, isQuiet, sum } from "../test/workerd/counting/counts.ts";
import { type CountedService, withCounting } from "./counted-service.ts";
import { register } from "./pool.ts";
import { type ByItem, PEERS, priceOf, SOURCES } from "./prices.ts";
import type { Report, Table } from "./report.ts";
import { chain } from "./shapes.ts";
import { complete, submit } from "./start-run.ts";
import { usageOf } from "./usage.ts";

const CALL_MS = 10_000;
const TOGETHER = 24;

/** `quick`: the same work, but for the time it takes; CPU and bytes are measured over `rounds` of it. */
type Case = {
  name: string;
  workflow: JsonObject;
  quick: JsonObject;
  rounds: number;
  tasks: number;
  /** Started together. */
  runs: number;
  /** The client waits for the end. */
  isAwaited: boolean;
};

const model = { workflow: chat("slow"), quick: chat("quick"), rounds: 50, tasks: 1 };
const echo = { workflow: chain(1), quick: chain(1), rounds: 200, tasks: 1 };
const CASES: Case[] = [
  {
    ...echo,
    name: "chain of 100",
    workflow: chain(100),
    quick: chain(100),
    rounds: 20,
    tasks: 100,
    runs: 1,
    isAwaited: true,
  },
  { ...echo, name: "one task", runs: 1, isAwaited: true },
  { ...model, name: "call of 10 s", runs: 1, isAwaited: false },
  { ...model, name: "awaited call", runs: 1, isAwaited: true },
  { ...model, name: `${TOGETHER} calls at once`, runs: TOGETHER, isAwaited: false },
];

function chat(name: "slow" | "quick"): JsonObject {
  return { name, tasks: [{ id: "ask", method: "llm/chat", params: { model: name, prompt: "a question" } }] };
}

export type Cost = {
  name: string;
  /** Units that one task used, by what they are billed as. */
  usage: ByItem;
  /** For a million tasks. */
  dollars: ByItem;
  /** Without storage, which is not included elsewhere either. */
  total: number;
  elsewhere: Record<string, number>;
  /** All of them together, as they were counted. */
  counts: Counts;
};

export async function benchCost(): Promise<Report & { costs: Cost[]; sources: readonly string[] }> {
  const costs = await countCosts();
  const ratios = costs.map(({ name, total, elsewhere }) => [
    `${name}: ours against Cloudflare Workflows`,
    total / (elsewhere["Cloudflare Workflows"] ?? Number.NaN),
  ]);
  return {
    title: "cost: by list prices, from counted operations",
    rows: [],
    ratios: Object.fromEntries(ratios),
    tables: [
      tableOf("units a task", costs, ({ usage }) => usage),
      tableOf("dollars for a million tasks", costs, ({ dollars, total, elsewhere }) => ({
        ...dollars,
        "all but storage": total,
        ...elsewhere,
      })),
    ],
    costs,
    sources: SOURCES,
  };
}

function tableOf(title: string, costs: Cost[], of: (cost: Cost) => Record<string, number>): Table {
  const names = new Set(costs.flatMap((cost) => Object.keys(of(cost))));
  const rows = [...names].map((name) => [name, costs.map((cost) => of(cost)[name] ?? 0)]);
  return { title, columns: costs.map(({ name }) => name), rows: Object.fromEntries(rows) };
}

async function countCosts(): Promise<Cost[]> {
  const slow = await startFakeOllama({ models: ["slow"], replyDelayMs: CALL_MS });
  const quick = await startFakeOllama({ models: ["quick"] });
  try {
    return await withCounting(async (service) => {
      await register(service.url, "slow", slow.url, TOGETHER);
      await register(service.url, "quick", quick.url, TOGETHER);
      const costs: Cost[] = [];
      for (const one of CASES) costs.push(await costOf(service, one));
      return costs;
    });
  } finally {
    await Promise.all([slow.close(), quick.close()]);
  }
}

async function costOf(service: CountedService, one: Case): Promise<Cost> {
  const { cpuMs, d1Bytes } = await measureMany(service, one);
  const { counts, seconds } = await countOnce(service, one);
  const usage = usageOf(counts, {
    tasks: one.tasks * one.runs,
    cpuMs: cpuMs / one.tasks,
    d1Bytes: d1Bytes / one.tasks,
  });
  const dollars = priceOf(usage);
  const elsewhere = Object.entries(PEERS).map(([name, price]) => {
    return [name, price({ tasks: one.tasks, seconds, cpuMs }) / one.tasks];
  });
  const stored = dollars["object storage, GB-months"] + dollars["D1 storage, GB-months"];
  const total = sum(Object.values(dollars)) - stored;
  return { name: one.name, usage, dollars, total, elsewhere: Object.fromEntries(elsewhere), counts };
}

/** Of one run: the mean of many, one after the other, after some that do not count. */
async function measureMany(service: CountedService, { quick, rounds }: Case) {
  for (let round = 0; round < rounds / 4; round++) await complete(service.url, quick);
  const before = await used(service);
  for (let round = 0; round < rounds; round++) await complete(service.url, quick);
  const after = await used(service);
  return {
    cpuMs: (after.cpuMs - before.cpuMs) / rounds,
    d1Bytes: (after.d1Bytes - before.d1Bytes) / rounds,
  };
}

/** Once history has what there is. */
async function used(service: CountedService) {
  const { d1 } = await service.until(isQuiet);
  return { cpuMs: service.cpuMs() ?? Number.NaN, d1Bytes: d1.sizeBytes };
}

async function countOnce(service: CountedService, { workflow, runs, isAwaited }: Case) {
  await service.reset();
  const began = performance.now();
  const send = isAwaited ? complete : submit;
  await Promise.all(Array.from({ length: runs }, () => send(service.url, workflow)));
  const seconds = isAwaited ? (performance.now() - began) / 1000 : CALL_MS / 1000;
  return { counts: await service.until(isQuiet), seconds };
}
