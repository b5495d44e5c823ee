/** The backends of history that speak SQL, over what they are made for, and a look at their tables. */

import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { d1History } from "../../src/history/d1.ts";
import { durableHistory } from "../../src/history/durable.ts";
import type { RunHistory } from "../../src/history/run-history.ts";
import { countRows, emptyDatabase } from "./history-database.ts";
import { bindings } from "./start.ts";

type Row = Record<string, unknown>;

export type SqlBackend = {
  name: string;
  /** Its history, empty. */
  open(): Promise<RunHistory>;
  query(sql: string, ...params: unknown[]): Promise<Row[]>;
  /** The rows that `work` writes. */
  rowsWritten(work: (history: RunHistory) => Promise<unknown>): Promise<number>;
};

const onD1: SqlBackend = {
  name: "D1",
  open: async () => d1History(await emptyDatabase()),
  query: async (sql, ...params) =>
    (
      await env.DB.prepare(sql)
        .bind(...params)
        .all()
    ).results,
  rowsWritten: async (work) => {
    const { database, rowsWritten } = countRows(env.DB);
    await work(d1History(database));
    return rowsWritten();
  },
};

const inObject: SqlBackend = {
  name: "a Durable Object",
  open: async () => {
    await withStorage((storage) => storage.deleteAll());
    return historyBy((storage) => storage);
  },
  query: (sql, ...params) => withStorage((storage) => storage.sql.exec(sql, ...params).toArray()),
  rowsWritten: async (work) => {
    const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
    await work(historyBy((storage) => recordCursors(storage, cursors)));
    return cursors.reduce((rows, cursor) => rows + cursor.rowsWritten, 0);
  },
};

export const SQL_BACKENDS: SqlBackend[] = [onD1, inObject];

/** Any object with storage will do. */
const withStorage = <Result>(use: (storage: DurableObjectStorage) => Result | Promise<Result>) =>
  runInDurableObject(bindings.HUBS.getByName("history-test"), (_, state) => use(state.storage));

/** Storage may only be used from inside its object, so each call goes there. */
function historyBy(view: (storage: DurableObjectStorage) => DurableObjectStorage): RunHistory {
  const inside = <Result>(call: (history: RunHistory) => Promise<Result>) =>
    withStorage((storage) => call(durableHistory(view(storage))));
  return {
    write: (batch, replaced) => inside((history) => history.write(batch, replaced)),
    list: (filter, page) => inside((history) => history.list(filter, page)),
    read: (id) => inside((history) => history.read(id)),
    count: () => inside((history) => history.count()),
    takeSilent: (before, now, limit) => inside((history) => history.takeSilent(before, now, limit)),
    prune: (before, limit) => inside((history) => history.prune(before, limit)),
    page: (after) => inside((history) => history.page(after)),
    remove: (versions) => inside((history) => history.remove(versions)),
  };
}

function recordCursors(
  storage: DurableObjectStorage,
  cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[],
): DurableObjectStorage {
  const exec: SqlStorage["exec"] = (sql, ...params) => {
    const cursor = storage.sql.exec<never>(sql, ...params);
    cursors.push(cursor);
    return cursor;
  };
  const sql = new Proxy(storage.sql, {
    get: (target, name) => (name === "exec" ? exec : Reflect.get(target, name)),
  });
  return new Proxy(storage, {
    get: (target, name) => (name === "sql" ? sql : Reflect.get(target, name).bind(target)),
  });
}
