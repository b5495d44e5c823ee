/** The Worker in workerd, with so many runs in its history. */
import { fileURLToPath } from "node:url";
import type { HistoryBackend } from "../src/contract/api.ts";
import { bundleWorker } from "../src/local/bundle.ts";
import { startWorkerd } from "../src/local/workerd.ts";
import type { HistoryAct } from "../test/workerd/history-act.ts";
import { LONELY } from "./lonely.ts";
import { withTemporaryFolder } from "./temporary-folder.ts";

const WORKER = fileURLToPath(new URL("../test/workerd/history-filler.ts", import.meta.url));
const BATCH_RUNS = 500;

/** It is there while `use` is at it; nothing is left afterwards. */
export const withHistory = <Result>(
  runs: number,
  use: (url: string) => Promise<Result>,
  backends: readonly HistoryBackend[] = ["d1"],
): Promise<Result> =>
  withTemporaryFolder(async (stateFolder) => {
    const place = { host: "127.0.0.1", port: 0, stateFolder };
    const workerd = await startWorkerd(place, { script: bundleWorker(WORKER), settings: LONELY }, () => {});
    try {
      for (const backend of backends) await fill(workerd.url, backend, runs);
      return await use(workerd.url);
    } finally {
      await workerd.close();
    }
  });

/** Has one backend do one thing, through the Worker, and says what came of it. */
export async function askHistory(url: string, backend: HistoryBackend, act: HistoryAct): Promise<unknown> {
  const body = JSON.stringify({ backend, act });
  const response = await fetch(`${url}/bench/history`, { method: "POST", body });
  const said = await response.text();
  if (!response.ok) throw new Error(`history in ${backend}: ${body} failed: ${said.slice(0, 300)}`);
  return JSON.parse(said);
}

async function fill(url: string, backend: HistoryBackend, runs: number): Promise<void> {
  for (let first = 0; first < runs; first += BATCH_RUNS) {
    await askHistory(url, backend, { type: "fill", first, count: BATCH_RUNS });
  }
}
