/** workerd through Miniflare: the Worker with its objects, queues and database, and the database brought up to date. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Miniflare } from "miniflare";
import { applyMigrations, type Migration } from "../history/migrate.ts";
import { type LocalWorker, type Place, workerdOptions } from "./options.ts";
import { importMiniflare } from "./quiet.ts";

/** `fire` is what the platform does at the times of the Worker's cron triggers; nobody does it here. */
export type Workerd = { url: string; fire(cron: string): Promise<void>; close(): Promise<void> };

const MIGRATIONS = fileURLToPath(new URL("../../migrations/", import.meta.url));

/** `log` gets what the Worker writes to its console, line by line. */
export async function startWorkerd(
  place: Place,
  worker: LocalWorker,
  log: (line: string) => void,
): Promise<Workerd> {
  const { Log, LogLevel, Miniflare } = await importMiniflare();
  const workerd = new Miniflare({
    ...workerdOptions(place, worker),
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: ({ level, message }) => log(`${level}: ${message}`),
  });
  try {
    const url = await urlOf(workerd, place.port);
    await applyMigrations(await workerd.getD1Database("DB"), readMigrations());
    return { url, fire: (cron) => fire(workerd, cron), close: () => workerd.dispose() };
  } catch (error) {
    await workerd.dispose().catch(() => {}); // what failed to start may fail to end
    throw error;
  }
}

async function fire(workerd: Miniflare, cron: string): Promise<void> {
  const worker = await workerd.getWorker();
  const { outcome } = await worker.scheduled({ cron });
  if (outcome !== "ok") throw new Error(`the Worker's schedule ended as ${outcome}`);
}

async function urlOf(workerd: Miniflare, port: number): Promise<string> {
  try {
    return (await workerd.ready).origin;
  } catch (cause) {
    const isTaken = cause instanceof Error && "code" in cause && cause.code === "ERR_ADDRESS_IN_USE";
    if (!isTaken) throw cause;
    const message = `port ${port} is taken: use --port 0 for a free one, or stop what listens there`;
    throw new Error(message, { cause });
  }
}

function readMigrations(): Migration[] {
  const names = readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql"));
  return names.map((name) => ({ name, sql: readFileSync(`${MIGRATIONS}${name}`, "utf8") }));
}
