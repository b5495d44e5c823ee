/** History in the SQLite of a Durable Object, for whoever has no D1 or whose D1 is away. It makes its tables itself. */
import type { BatchResponse } from "drizzle-orm/batch";
import { drizzle } from "drizzle-orm/durable-sqlite";
import type { RunHistory } from "./run-history.ts";
import { CREATE_TABLES } from "./schema.ts";
import { type Statements, type Store, sqlHistory } from "./sql.ts";

/** Writes nothing before the first `write`: an object that was only asked leaves nothing behind. */
export function durableHistory(storage: DurableObjectStorage): RunHistory {
  return sqlHistory(storeIn(storage));
}

function storeIn(storage: DurableObjectStorage): Store {
  return {
    database: drizzle(storage),
    run: async (statements) => storage.transactionSync(() => rowsOf(statements, isMade(storage))),
    write: async (statements) =>
      storage.transactionSync(() => {
        if (!isMade(storage)) for (const statement of CREATE_TABLES) storage.sql.exec(statement);
        rowsOf(statements, true);
      }),
  };
}

/** Asked each time, since storage may be emptied under us: a look at a table of ten rows. */
function isMade(storage: DurableObjectStorage): boolean {
  return storage.sql.exec("select 1 from sqlite_master where name = 'runs'").toArray().length > 0;
}

/** The one place that says which rows belong to which statement: a list loses their types. */
function rowsOf<const Asked extends Statements>(statements: Asked, areTables: boolean): BatchResponse<Asked> {
  const rows = statements.map((statement) => (areTables ? statement.prepare().all() : []));
  return rows as unknown as BatchResponse<Asked>;
}
