/** `npm start` applies migrations from Node, to the database that Miniflare runs. */
import { readdirSync, readFileSync } from "node:fs";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { expect, test } from "vitest";
import { applyMigrations } from "../../src/history/migrate.ts";

const FOLDER = new URL("../../migrations/", import.meta.url);

test("the checked-in migrations are applied through Miniflare, once", async () => {
  const migrations = readdirSync(FOLDER)
    .filter((name) => name.endsWith(".sql"))
    .map((name) => ({ name, sql: readFileSync(new URL(name, FOLDER), "utf8") }));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: "export default {}",
      d1Databases: ["DB"],
      compatibilityDate: "2026-10-01",
    }),
  );
  try {
    const database = await miniflare.getD1Database("DB");
    await applyMigrations(database, migrations);
    await applyMigrations(database, migrations);
    const { results } = await database.prepare("select name from d1_migrations").all();
    expect(results).toEqual(migrations.map(({ name }) => ({ name })));
    expect(await database.prepare("select count(*) as count from runs").first("count")).toBe(0);
  } finally {
    await miniflare.dispose();
  }
});

test("drizzle-kit's journal names the files that are there", () => {
  const journal: unknown = JSON.parse(readFileSync(new URL("meta/_journal.json", FOLDER), "utf8"));
  const files = readdirSync(FOLDER).filter((name) => name.endsWith(".sql"));
  expect(journal).toMatchObject({ entries: files.map((name) => ({ tag: name.replace(".sql", "") })) });
});
