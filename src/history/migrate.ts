/**
 * Migrations for where wrangler is not: `npm start` runs without it. The table is the one of `wrangler d1 migrations`,
 * so that a database may be brought up to date by either, in turn.
 */
import type { D1Database } from "@cloudflare/workers-types";

export type Migration = { name: string; sql: string };

// drizzle-kit writes it between statements; to SQLite and to wrangler it is a comment.
const STATEMENT_END = "--> statement-breakpoint";

const CREATE_TABLE = `create table if not exists d1_migrations(
  id integer primary key autoincrement,
  name text unique,
  applied_at timestamp default current_timestamp not null
)`;

/**
 * Applies what is missing, in the order of names; `name` is the file's, `0000_history.sql`. Each migration is one
 * transaction with the note that it is done: interrupted, it has not happened, and the next start takes it up.
 */
export async function applyMigrations(database: D1Database, migrations: Migration[]): Promise<void> {
  await database.prepare(CREATE_TABLE).run();
  const { results } = await database.prepare("select name from d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map((row) => row.name));
  const missing = migrations.filter((migration) => !applied.has(migration.name));
  for (const migration of missing.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    await apply(database, migration);
  }
}

async function apply(database: D1Database, migration: Migration): Promise<void> {
  const statements = migration.sql.split(STATEMENT_END).filter((statement) => statement.trim() !== "");
  const note = database.prepare("insert into d1_migrations (name) values (?)").bind(migration.name);
  await database.batch([...statements.map((statement) => database.prepare(statement)), note]);
}
