/** The migrations make exactly the tables of the schema, and can be applied by us or by wrangler in turn. */
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { getTableConfig } from "drizzle-orm/sqlite-core";
import { beforeEach, describe, expect, test } from "vitest";
import { protocols } from "../../src/catalog/tables.ts";
import { applyMigrations, type Migration } from "../../src/history/migrate.ts";
import { CREATE_TABLES } from "../../src/history/schema.ts";
import { runCounts, runRecords, runs, runTags } from "../../src/history/tables.ts";
import { MIGRATIONS } from "../workerd/history-database.ts";

const TABLES = [runs, runTags, runRecords, runCounts, protocols];

const query = async (sql: string) => (await env.DB.prepare(sql).all()).results;
const namesOf = async (sql: string) => (await query(sql)).map((row) => row["name"]);
const madeTables = () =>
  namesOf("pragma table_list").then((names) =>
    names.filter((name) => !/^(sqlite|_cf)_/.test(String(name))).sort(),
  );

beforeEach(async () => {
  const tables = [...TABLES.map((table) => getTableConfig(table).name), "d1_migrations", "extra"];
  await env.DB.batch(tables.map((name) => env.DB.prepare(`drop table if exists ${name}`)));
});

describe("the migrations make what tables.ts of history and catalog say (if not: npx drizzle-kit generate)", () => {
  beforeEach(() => applyMigrations(env.DB, MIGRATIONS));

  test("the same tables and no others", async () => {
    const names = TABLES.map((table) => getTableConfig(table).name);
    expect(await madeTables()).toEqual([...names, "d1_migrations"].sort());
  });

  test.each(TABLES.map((table) => getTableConfig(table)))("the same columns in $name", async (table) => {
    const composite = table.primaryKeys.flatMap((key) => key.columns.map((column) => column.name));
    const expected = table.columns.map((column) => ({
      name: column.name,
      type: column.getSQLType(),
      notnull: column.notNull ? 1 : 0,
      pk: column.primary ? 1 : composite.indexOf(column.name) + 1,
    }));
    expect(
      await query(`select name, lower(type) as type, "notnull", pk from pragma_table_info('${table.name}')`),
    ).toEqual(expected);
  });

  test.each(TABLES.map((table) => getTableConfig(table)))("the same indexes on $name", async (table) => {
    const made = await query(
      `select name, partial from pragma_index_list('${table.name}') where origin = 'c'`,
    );
    const indexes = made.map(async (index) => ({
      ...index,
      columns: await namesOf(`select name from pragma_index_info('${index["name"]}')`),
    }));
    const expected = table.indexes.map(({ config }) => ({
      name: config.name,
      partial: config.where === undefined ? 0 : 1,
      columns: config.columns.map((column) => ("name" in column ? column.name : column)),
    }));
    const byName = expect.arrayContaining(expected);
    expect(await Promise.all(indexes)).toEqual(byName);
    expect(indexes).toHaveLength(expected.length);
  });

  test.each(TABLES.map((table) => getTableConfig(table)))(
    "$name is WITHOUT ROWID, which drizzle-kit leaves out and a row of the price hangs on",
    async (table) => {
      expect(await query(`select wr from pragma_table_list where name = '${table.name}'`)).toEqual([
        { wr: 1 },
      ]);
    },
  );
});

test("a Durable Object makes the tables of history by the same SQL", () => {
  const ofHistory = MIGRATIONS.find(({ name }) => name === "0000_history.sql")?.sql ?? "";
  const statements = ofHistory.replace(/^--.*/, "").replaceAll("`", '"').split("--> statement-breakpoint");
  expect(CREATE_TABLES).toEqual(statements.map((statement) => statement.trim()));
});

describe("applying", () => {
  const first: Migration = {
    name: "0000_first.sql",
    sql: "-- why\ncreate table extra (id integer);\n--> statement-breakpoint\ninsert into extra values (1);\n",
  };
  const second: Migration = { name: "0001_second.sql", sql: "insert into extra values (2)" };
  const broken: Migration = {
    name: "0001_broken.sql",
    sql: "insert into extra values (3);\n--> statement-breakpoint\ninsert into missing values (1);",
  };
  const applied = () => namesOf("select name from d1_migrations order by id");
  const ids = async () => (await query("select id from extra")).map((row) => row["id"]);

  test("applies what is missing in the order of names, once", async () => {
    await applyMigrations(env.DB, [first]);
    await applyMigrations(env.DB, [second, first]);
    await applyMigrations(env.DB, [first, second]);
    expect(await applied()).toEqual(["0000_first.sql", "0001_second.sql"]);
    expect(await ids()).toEqual([1, 2]);
  });

  test("the order given does not matter", async () => {
    await applyMigrations(env.DB, [second, first]);
    expect(await ids()).toEqual([1, 2]);
  });

  test("a migration that fails leaves nothing, and those before it stay", async () => {
    await expect(applyMigrations(env.DB, [first, broken])).rejects.toThrow("missing");
    expect(await applied()).toEqual(["0000_first.sql"]);
    expect(await ids()).toEqual([1]);
  });

  test("what wrangler has applied is not applied again, nor the other way round", async () => {
    const asWrangler = (migration: Migration) => ({
      name: migration.name,
      queries: migration.sql.split("--> statement-breakpoint"),
    });
    await applyD1Migrations(env.DB, [asWrangler(first)]);
    await applyMigrations(env.DB, [first, second]);
    await applyD1Migrations(env.DB, [first, second].map(asWrangler));
    expect(await applied()).toEqual(["0000_first.sql", "0001_second.sql"]);
    expect(await ids()).toEqual([1, 2]);
  });
});
