/** The whole service in workerd, which counts what the platform bills; for `npm run bench -- cost` and test/run/cost.test.ts. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { bundleWorker } from "../src/local/bundle.ts";
import { childrenNamed } from "../src/local/process-mark.ts";
import { startWorkerd } from "../src/local/workerd.ts";
import { type Counts, counts } from "../test/workerd/counting/counts.ts";
import { LONELY } from "./lonely.ts";
import { withTemporaryFolder } from "./temporary-folder.ts";

export type CountedService = {
  url: string;
  /** Since the last reset. */
  counts(): Promise<Counts>;
  reset(): Promise<void>;
  /** Those of which `holds` is true; an error, which shows the last, where none is within the limit. */
  until(holds: (counts: Counts) => boolean): Promise<Counts>;
  /** Milliseconds of CPU that workerd has used altogether; undefined where there is no /proc. */
  cpuMs(): number | undefined;
};

const WORKER = fileURLToPath(new URL("../test/workerd/counting.ts", import.meta.url));
/** The last alarm of a run is that for an answer of history, which is waited for a minute. */
const UNTIL_MS = 150_000;
const LOOK_MS = 25;

/** It is there while `use` is at it; nothing is left afterwards. */
export const withCounting = <Result>(use: (service: CountedService) => Promise<Result>): Promise<Result> =>
  withTemporaryFolder(async (stateFolder) => {
    const place = { host: "127.0.0.1", port: 0, stateFolder };
    const before = pidsOf("workerd");
    const workerd = await startWorkerd(place, { script: bundleWorker(WORKER), settings: LONELY }, () => {});
    const own = pidsOf("workerd").filter((pid) => !before.includes(pid));
    try {
      return await use(serviceAt(workerd.url, own));
    } finally {
      await workerd.close();
    }
  });

function serviceAt(url: string, pids: number[]): CountedService {
  const read = async () => counts.parse(await (await fetch(`${url}/counts`)).json());
  return {
    url,
    counts: read,
    reset: async () => void (await fetch(`${url}/counts/reset`, { method: "POST" })),
    until: async (holds) => {
      const endsAt = Date.now() + UNTIL_MS;
      let last = await read();
      while (!holds(last)) {
        if (Date.now() > endsAt) throw new Error(`it did not come to that: ${JSON.stringify(last)}`);
        await delay(LOOK_MS);
        last = await read();
      }
      return last;
    },
    cpuMs: () => (pids.length === 0 ? undefined : pids.map(cpuMsOf).reduce((sum, ms) => sum + ms, 0)),
  };
}

const pidsOf = (program: string): number[] => childrenNamed(program).map(({ pid }) => pid);

/** Linux counts in hundredths of a second. */
const TICK_MS = 10;

/** User and system time. */
function cpuMsOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}
