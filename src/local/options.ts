/** What workerd is told: the bindings of wrangler.toml, on this machine. test/local/options.test.ts compares the two. */
import type { MiniflareOptions } from "miniflare";

export type Place = {
  host: string;
  port: number;
  /** Objects, databases and their alarms are kept here. */
  stateFolder: string;
};

export type LocalWorker = {
  script: string;
  /** Settings of src/env.ts. */
  settings: Record<string, string>;
};

const NAME = "gleitzeit";
const OBJECTS = {
  RUNS: "RunObject",
  EXECUTORS: "ExecutorObject",
  HUBS: "HubObject",
  HISTORIES: "HistoryObject",
};

export const workerdOptions = (
  { host, port, stateFolder }: Place,
  { script, settings }: LocalWorker,
): MiniflareOptions => ({
  host,
  port,
  resourcePersistencePath: stateFolder,
  workers: [
    {
      config: {
        name: NAME,
        compatibilityDate: "2026-10-01",
        manifest: { mainModule: "worker.js", modules: { "worker.js": { type: "esm", contents: script } } },
        env: { ...texts(settings), ...BINDINGS },
        exports: EXPORTS,
        triggers: [
          { type: "queue", name: "gleitzeit-tasks", maxBatchTimeout: 0, retryDelay: 1, ...BATCH },
          { type: "queue", name: "gleitzeit-history", maxBatchTimeout: 1, retryDelay: 5, ...BATCH },
          { type: "scheduled", schedule: "* * * * *" },
        ],
      },
    },
  ],
  ...QUIET,
});

const BATCH = { maxBatchSize: 50, maxRetries: 10 };

const BINDINGS = {
  ...mapValues(OBJECTS, (exportName) => ({ type: "durable-object" as const, worker: NAME, exportName })),
  TASKS: { type: "queue" as const, name: "gleitzeit-tasks" },
  HISTORY: { type: "queue" as const, name: "gleitzeit-history" },
  DB: { type: "d1" as const, id: NAME },
  CACHE: { type: "kv" as const, id: NAME },
};

const EXPORTS = Object.fromEntries(
  Object.values(OBJECTS).map((name) => [
    name,
    { type: "durable-object" as const, storage: "sqlite" as const },
  ]),
);

/** No questions to Cloudflare, no inspector, no recording of spans (which costs 2–4 times the time). */
const QUIET = {
  cf: false,
  logRequests: false,
  telemetry: { enabled: false },
  unsafeObservability: false,
  unsafeLocalExplorer: false,
};

const texts = (settings: Record<string, string>) =>
  mapValues(settings, (value) => ({ type: "text" as const, value }));

function mapValues<From, To>(record: Record<string, From>, map: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
