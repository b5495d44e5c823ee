/** `drizzle-kit generate` makes a migration from the tables of history and catalog; it needs no database. */
import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: ["./src/history/tables.ts", "./src/catalog/tables.ts"],
  out: "./migrations",
});
