/** History in D1. Its tables are made by migrations. */
import { drizzle } from "drizzle-orm/d1";
import type { RunHistory } from "./run-history.ts";
import { type Store, sqlHistory } from "./sql.ts";

export function d1History(database: D1Database): RunHistory {
  return sqlHistory(storeIn(database));
}

function storeIn(d1: D1Database): Store {
  const database = drizzle(d1);
  return {
    database,
    run: (statements) => database.batch(statements),
    write: async (statements) => {
      await database.batch(statements);
    },
  };
}
