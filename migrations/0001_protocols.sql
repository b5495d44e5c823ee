-- Made by drizzle-kit from src/catalog/tables.ts; WITHOUT ROWID by hand, since drizzle cannot say it.
CREATE TABLE `protocols` (
	`name` text PRIMARY KEY NOT NULL,
	`protocol` text NOT NULL,
	`updated_at` integer NOT NULL
) WITHOUT ROWID;
