/** Our Worker and one with Cloudflare Workflows in one workerd, behind one port: what slows one slows the other. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { MiniflareOptions } from "miniflare";
import { applyMigrations } from "../src/history/migrate.ts";
import { bundleWorker } from "../src/local/bundle.ts";
import { workerdOptions } from "../src/local/options.ts";
import { importMiniflare } from "../src/local/quiet.ts";
import { LONELY } from "./lonely.ts";
import { withTemporaryFolder } from "./temporary-folder.ts";

const WORKER = fileURLToPath(new URL("../test/workerd/workflows.ts", import.meta.url));
const MIGRATIONS = new URL("../migrations/", import.meta.url);
const NAME = "workflows";
/** Requests to this path are for Workflows, all others for us. */
const PATH = "/bench/workflows";

export type BothUrls = { ours: string; workflows: string };

/** Both are there while `use` is at it; nothing is left afterwards. */
export const withBoth = <Result>(use: (urls: BothUrls) => Promise<Result>): Promise<Result> =>
  withTemporaryFolder(async (stateFolder) => {
    const { Log, LogLevel, Miniflare } = await importMiniflare();
    const workerd = new Miniflare({ ...optionsFor(stateFolder), log: new Log(LogLevel.ERROR) });
    try {
      const { origin } = await workerd.ready;
      await applyMigrations(await workerd.getD1Database("DB"), readMigrations());
      return await use({ ours: origin, workflows: `${origin}${PATH}` });
    } finally {
      await workerd.dispose();
    }
  });

/** Whatever we are given: the same compatibility date, no recording of spans, the same disk. */
function optionsFor(stateFolder: string): MiniflareOptions {
  const place = { host: "127.0.0.1", port: 0, stateFolder };
  const options = workerdOptions(place, { script: bundleWorker(), settings: LONELY });
  if (!("workers" in options)) throw new Error("src/local/options.ts names no workers");
  return { ...options, workers: [...options.workers, theirs()] };
}

const theirs = () => ({
  config: {
    name: NAME,
    compatibilityDate: "2026-10-01",
    manifest: {
      mainModule: "worker.js",
      modules: { "worker.js": { type: "esm" as const, contents: bundleWorker(WORKER) } },
    },
    env: {
      SHAPES: { type: "workflow" as const, name: "shapes", worker: NAME, exportName: "ShapeWorkflow" },
    },
    triggers: [{ type: "fetch" as const, pattern: `*${PATH}` }],
  },
});

function readMigrations() {
  const names = readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql"));
  return names.map((name) => ({ name, sql: readFileSync(new URL(name, MIGRATIONS), "utf8") }));
}
