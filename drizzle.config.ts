/** `drizzle-kit generate` makes a migration from src/history/tables.ts; it needs no database. */
import { defineConfig } from "drizzle-kit";

export default defineConfig({ dialect: "sqlite", schema: "./src/history/tables.ts", out: "./migrations" });
