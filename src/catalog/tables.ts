/** The tables of what people register, in D1. Written rarely, and read into memory whole. */
import { integer, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { Protocol } from "../contract/protocol.ts";

/** A row per registered protocol: `sentiment/v1`. Those that ship are in the code (src/providers/protocols). */
export const protocols = sqliteTable("protocols", {
  name: text("name").primaryKey(),
  protocol: text("protocol", { mode: "json" }).$type<Protocol>().notNull(),
  /** In ms since 1970. */
  updatedAt: integer("updated_at").notNull(),
});
