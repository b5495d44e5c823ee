/** What the Worker is bound to. Its variables are parsed by settings.ts. */
import type { Invitation } from "./contract/sync.ts";
import type { Variable } from "./settings.ts";

/** A run whose history is not up to date. */
export type HistoryMessage = { runId: string };

export type Env = {
  RUNS: DurableObjectNamespace;
  EXECUTORS: DurableObjectNamespace;
  HUBS: DurableObjectNamespace;
  HISTORIES: DurableObjectNamespace;
  TASKS: Queue<Invitation>;
  HISTORY: Queue<HistoryMessage>;
  DB: D1Database;
  CACHE: KVNamespace;
} & Partial<Record<Variable, string>>;
