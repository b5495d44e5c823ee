/**
 * The tables as SQL, for a Durable Object, which has no migrations: `migrations/0000_history.sql` but for its quotes (a test
 * compares), since a Worker cannot read that file.
 */
export const CREATE_TABLES = [
  `CREATE TABLE "run_counts" (
	"status" text PRIMARY KEY NOT NULL,
	"count" integer NOT NULL
) WITHOUT ROWID;`,
  `CREATE TABLE "run_records" (
	"run_id" text NOT NULL,
	"revision" integer NOT NULL,
	"part" integer NOT NULL,
	"body" text NOT NULL,
	PRIMARY KEY("run_id", "revision", "part")
) WITHOUT ROWID;`,
  `CREATE TABLE "run_tags" (
	"key" text NOT NULL,
	"value" text NOT NULL,
	"run_id" text NOT NULL,
	PRIMARY KEY("key", "value", "run_id")
) WITHOUT ROWID;`,
  `CREATE TABLE "runs" (
	"id" text PRIMARY KEY NOT NULL,
	"revision" integer NOT NULL,
	"status" text NOT NULL,
	"workflow" text NOT NULL,
	"created_at" integer NOT NULL,
	"finished_at" integer,
	"seen_at" integer NOT NULL,
	"record_bytes" integer NOT NULL,
	"summary" text NOT NULL,
	"record" text NOT NULL
) WITHOUT ROWID;`,
  `CREATE INDEX "runs_by_status" ON "runs" ("status","id","seen_at") WHERE status <> 'completed';`,
  `CREATE INDEX "runs_by_workflow" ON "runs" ("workflow","id");`,
];
