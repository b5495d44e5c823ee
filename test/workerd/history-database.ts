/** The real D1 of the tests with the checked-in migrations, and a view of it that counts what is paid for. */
import { env } from "cloudflare:workers";
import { applyMigrations, type Migration } from "../../src/history/migrate.ts";

declare global {
  namespace Cloudflare {
    interface Env {
      DB: D1Database;
    }
  }
  interface ImportMeta {
    glob(pattern: string, options: { query: "?raw"; import: "default"; eager: true }): Record<string, string>;
  }
}

const files = import.meta.glob("../../migrations/*.sql", { query: "?raw", import: "default", eager: true });

export const MIGRATIONS: Migration[] = Object.entries(files).map(([path, sql]) => ({
  name: path.slice(path.lastIndexOf("/") + 1),
  sql,
}));

/** Those of runs. */
export const HISTORY_TABLES = ["runs", "run_tags", "run_records", "run_counts"];

/** The tables, without rows: storage is each test file's own, but not each test's. */
export async function emptyDatabase(): Promise<D1Database> {
  await applyMigrations(env.DB, MIGRATIONS);
  await env.DB.batch(HISTORY_TABLES.map((table) => env.DB.prepare(`delete from ${table}`)));
  return env.DB;
}

/** The same database; what is asked counts those of all batches since it was asked last. */
export function countRows(database: D1Database) {
  let [read, written] = [0, 0];
  const batch: D1Database["batch"] = async (statements) => {
    const results = await database.batch<never>(statements);
    for (const { meta } of results) {
      read += meta.rows_read;
      written += meta.rows_written;
    }
    return results;
  };
  const counting = new Proxy(database, {
    get: (target, name) => (name === "batch" ? batch : Reflect.get(target, name).bind(target)),
  });
  const rowsRead = () => {
    const counted = read;
    read = 0;
    return counted;
  };
  const rowsWritten = () => {
    const counted = written;
    written = 0;
    return counted;
  };
  return { database: counting, rowsRead, rowsWritten };
}
