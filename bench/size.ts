/** `npm run bench -- size`: what wrangler would upload, and what the Worker takes before its first request. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { type Row, rowOf } from "./measure.ts";
import type { Report } from "./report.ts";
import { withTemporaryFolder } from "./temporary-folder.ts";

const PROJECT = fileURLToPath(new URL("../", import.meta.url));
const WRANGLER = join(PROJECT, "node_modules/wrangler/bin/wrangler.js");
/** Quiet, and without a question to the network. */
const ENVIRONMENT = {
  CI: "1",
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_OBSERVABILITY: "false",
  X_LOCAL_EXPLORER: "false",
};
const WRANGLER_MS = 120_000;
const STARTS = 5;
const KIB = 1024;

export const benchSize = (): Promise<Report> =>
  withTemporaryFolder(async (folder) => {
    const bundle = await bundleInto(folder);
    return {
      title: "size: the Worker as wrangler uploads it; milliseconds of CPU to start it",
      rows: [await starting(folder)],
      ratios: {},
      figures: {
        "bundle, KiB": bundle.length / KIB,
        "bundle, KiB gzip (target: at most 300)": gzipSync(bundle).length / KIB,
      },
    };
  });

/** The very bytes of `wrangler deploy`, minified as wrangler.toml says; its own word on their size is the same. */
async function bundleInto(folder: string): Promise<Uint8Array> {
  await wrangler("deploy", "--dry-run", "--outdir", folder);
  return await readFile(join(folder, "worker.js"));
}

/** A CPU profile of a fresh workerd that evaluates the Worker: garbage collection counts, waiting does not. */
async function starting(folder: string): Promise<Row> {
  const outfile = join(folder, "startup.cpuprofile");
  const times: number[] = [];
  for (let start = 0; start <= STARTS; start++) {
    const said = await wrangler("check", "startup", "--outfile", outfile);
    const active = /Active: ([\d.]+) ms/.exec(said)?.[1];
    if (active === undefined) throw new Error(`wrangler check startup names no active time: ${said}`);
    if (start > 0) times.push(Number(active));
  }
  return rowOf("start-up, CPU (target: at most 50)", times);
}

async function wrangler(...args: string[]): Promise<string> {
  const options = { cwd: PROJECT, env: { ...process.env, ...ENVIRONMENT }, timeout: WRANGLER_MS };
  const { stdout } = await promisify(execFile)(process.execPath, [WRANGLER, ...args], options);
  return stdout;
}
