/** `npm run bench -- engine`: echo tasks over HTTP, beside the same on Cloudflare Workflows; and how time grows with runs. */
import { type BothUrls, withBoth } from "./beside-workflows.ts";
import { drawGrowth } from "./growth-picture.ts";
import { measure, type Row } from "./measure.ts";
import type { Report } from "./report.ts";
import { SHAPES, type Shape, shaped } from "./shapes.ts";
import { complete } from "./start-run.ts";

export type { Report } from "./report.ts";

const ROUNDS = 5;
const MANY_RUNS = 200;
const TASKS_OF_MANY = 5;
const GROWTH_COUNTS = [500, 1000, 2000, 5000, 10_000];
const [SMALL, LARGE] = [500, 10_000];
const THEIRS = ", Workflows";

/** What is compared, and how many times as long Workflows should take at least. */
const COMPARED = [
  { name: "chain of 100", shape: "chain", count: 100, target: 2.5 },
  { name: "fan-out of 100", shape: "fan-out", count: 100, target: 5 },
  { name: "chain of 1000", shape: "chain", count: 1000, target: 2.5 },
  { name: "fan-out of 1000", shape: "fan-out", count: 1000, target: 6 },
  {
    name: `${MANY_RUNS} runs of ${TASKS_OF_MANY}`,
    shape: "chain",
    count: TASKS_OF_MANY,
    runs: MANY_RUNS,
    target: 2,
  },
] as const satisfies (Case & { name: string; target: number })[];

type Case = { shape: Shape; count: number; runs?: number };
type Cases = Record<string, () => Promise<void>>;

export async function benchEngine(): Promise<Report> {
  const rows = await withBoth(async (urls) => [
    ...(await measure(comparedCases(urls), ROUNDS)),
    ...(await measure(growthCases(urls), ROUNDS)),
  ]);
  return {
    title: "engine: echo tasks over HTTP, ours and Cloudflare Workflows in one workerd, milliseconds",
    rows,
    ratios: { ...ratiosToTheirs(rows), ...growthRatios(rows) },
    figures: perTaskFigures(rows),
    picture: drawGrowth(
      SHAPES.flatMap((shape) => [pointsOf(rows, shape, ""), pointsOf(rows, shape, THEIRS)]),
    ),
  };
}

/** Ours and theirs in turn, case by case. */
function comparedCases({ ours, workflows }: BothUrls): Cases {
  return Object.fromEntries(
    COMPARED.flatMap((compared) => [
      [compared.name, () => runOurs(ours, compared)],
      [`${compared.name}${THEIRS}`, () => runTheirs(workflows, compared)],
    ]),
  );
}

function growthCases({ ours }: BothUrls): Cases {
  return Object.fromEntries(
    SHAPES.flatMap((shape) =>
      GROWTH_COUNTS.map((count) => [growthName(shape, count), () => runOurs(ours, { shape, count })]),
    ),
  );
}

const growthName = (shape: Shape, count: number): string => `growth: ${shape} of ${count}`;

const runOurs = (url: string, { shape, count, runs }: Case): Promise<void> =>
  atOnce(runs, () => complete(url, shaped(shape, count)));

/** Their workflow is code that is there already, so the request says only which; ours carries the whole definition. */
const runTheirs = (url: string, { shape, count, runs }: Case): Promise<void> =>
  atOnce(runs, async () => {
    const response = await fetch(url, { method: "POST", body: JSON.stringify({ shape, count }) });
    const text = await response.text();
    if (!text.includes('"status":"completed"'))
      throw new Error(`Workflows: the instance did not complete: ${response.status} ${text.slice(0, 300)}`);
  });

async function atOnce(runs = 1, run: () => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: runs }, run));
}

function ratiosToTheirs(rows: Row[]): Report["ratios"] {
  return Object.fromEntries(
    COMPARED.map(({ name, target }) => [
      `${name}: Workflows / ours (target: ${target})`,
      medianOf(rows, `${name}${THEIRS}`) / medianOf(rows, name),
    ]),
  );
}

function growthRatios(rows: Row[]): Report["ratios"] {
  return Object.fromEntries(
    SHAPES.map((shape) => [
      `time per task, ${shape} of ${LARGE} against ${SMALL} (target: at most 1.3)`,
      perTask(rows, shape, LARGE) / perTask(rows, shape, SMALL),
    ]),
  );
}

function perTaskFigures(rows: Row[]): Record<string, number> {
  return Object.fromEntries(
    SHAPES.flatMap((shape) =>
      GROWTH_COUNTS.map((count) => [`ms per task, ${shape} of ${count}`, perTask(rows, shape, count)]),
    ),
  );
}

const perTask = (rows: Row[], shape: Shape, count: number): number =>
  medianOf(rows, growthName(shape, count)) / count;

const medianOf = (rows: Row[], name: string): number =>
  rows.find((row) => row.name === name)?.medianMs ?? Number.NaN;

/** Time per task over tasks: theirs where they are compared, ours from there on. */
function pointsOf(rows: Row[], shape: Shape, whose: "" | typeof THEIRS) {
  const compared = COMPARED.filter((one) => one.shape === shape && one.count >= 100).map(
    ({ name, count }) => ({
      count,
      ms: medianOf(rows, `${name}${whose}`) / count,
    }),
  );
  const grown = GROWTH_COUNTS.map((count) => ({ count, ms: perTask(rows, shape, count) }));
  const points = whose === "" ? [...compared.filter(({ count }) => count < SMALL), ...grown] : compared;
  return { name: `${shape}${whose === "" ? "" : " on Workflows"}`, points };
}
