/** `npm run bench -- engine`: runs of echo tasks through HTTP, in the whole local service without its Python runner. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JsonObject } from "../src/contract/json.ts";
import { startService } from "../src/local/service.ts";
import { measure, type Row } from "./measure.ts";
import { chain, fanOut } from "./shapes.ts";

const ROUNDS = 5;
const MANY_RUNS = 200;
const SMALL = 500;
const LARGE = 5000;

export type Report = { title: string; rows: Row[]; ratios: Record<string, number> };

export async function benchEngine(): Promise<Report> {
  const stateFolder = await mkdtemp(join(tmpdir(), "gleitzeit-bench-"));
  const service = await startService({ port: 0, stateFolder, python: false, ollamaUrls: [], log: () => {} });
  try {
    const rows = await measure(casesFor(service.url), ROUNDS);
    return { title: "engine: echo tasks over HTTP, milliseconds", rows, ratios: ratiosOf(rows) };
  } finally {
    await service.close();
    await rm(stateFolder, { recursive: true, force: true });
  }
}

function casesFor(url: string): Record<string, () => Promise<void>> {
  return {
    "chain of 100": () => complete(url, chain(100)),
    "fan-out of 100": () => complete(url, fanOut(100)),
    "chain of 1000": () => complete(url, chain(1000)),
    "fan-out of 1000": () => complete(url, fanOut(1000)),
    [`${MANY_RUNS} runs of 5`]: async () => {
      await Promise.all(Array.from({ length: MANY_RUNS }, () => complete(url, chain(5))));
    },
    [`chain of ${SMALL}`]: () => complete(url, chain(SMALL)),
    [`chain of ${LARGE}`]: () => complete(url, chain(LARGE)),
    [`fan-out of ${SMALL}`]: () => complete(url, fanOut(SMALL)),
    [`fan-out of ${LARGE}`]: () => complete(url, fanOut(LARGE)),
  };
}

/** Submits a workflow and waits for its end; the answer is the run. */
async function complete(url: string, workflow: JsonObject): Promise<void> {
  const response = await fetch(`${url}/v1/runs?wait=60`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ workflow }),
  });
  const text = await response.text();
  if (response.status !== 200 || !text.includes('"status":"completed"')) {
    throw new Error(`the run did not complete: ${response.status} ${text.slice(0, 300)}`);
  }
}

/** Time per task in a large run, against a small one. */
function ratiosOf(rows: Row[]): Record<string, number> {
  const perTask = (shape: string, count: number) =>
    (rows.find(({ name }) => name === `${shape} of ${count}`)?.medianMs ?? Number.NaN) / count;
  return Object.fromEntries(
    ["chain", "fan-out"].map((shape) => [
      `time per task, ${shape} of ${LARGE} against ${SMALL}`,
      perTask(shape, LARGE) / perTask(shape, SMALL),
    ]),
  );
}
