-- Made by drizzle-kit from src/history/tables.ts; WITHOUT ROWID by hand, since drizzle cannot say it.
CREATE TABLE `run_counts` (
	`status` text PRIMARY KEY NOT NULL,
	`count` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `run_records` (
	`run_id` text NOT NULL,
	`revision` integer NOT NULL,
	`part` integer NOT NULL,
	`body` text NOT NULL,
	PRIMARY KEY(`run_id`, `revision`, `part`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `run_tags` (
	`key` text NOT NULL,
	`value` text NOT NULL,
	`run_id` text NOT NULL,
	PRIMARY KEY(`key`, `value`, `run_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `runs` (
	`id` text PRIMARY KEY NOT NULL,
	`revision` integer NOT NULL,
	`status` text NOT NULL,
	`workflow` text NOT NULL,
	`created_at` integer NOT NULL,
	`finished_at` integer,
	`seen_at` integer NOT NULL,
	`record_bytes` integer NOT NULL,
	`summary` text NOT NULL,
	`record` text NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `runs_by_status` ON `runs` (`status`,`id`,`seen_at`) WHERE status <> 'completed';--> statement-breakpoint
CREATE INDEX `runs_by_workflow` ON `runs` (`workflow`,`id`);
