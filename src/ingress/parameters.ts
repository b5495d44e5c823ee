/** Parameters of paths and queries that several routes have. */
import * as z from "zod";
import { LIMITS } from "../contract/limits.ts";

/** Its form is looked at later: a malformed id is the id of no run, 404. */
export const runPath = z.object({ id: z.string().describe("run_ and 26 characters") });

export const wait = number("a number of seconds", 0, LIMITS.waitSeconds)
  .default(0)
  .describe("Answer when the run has ended, at most so many seconds later.");

export const limit = number("a whole number", 1, LIMITS.pageItems)
  .int(whole(1, LIMITS.pageItems))
  .default(50);

export const cursor = z.string().optional().describe("The nextCursor of the page before.");

function number(what: string, least: number, most: number) {
  const message = `must be ${what} from ${least} to ${most}`;
  return z.coerce.number(message).min(least, message).max(most, message);
}

function whole(least: number, most: number): string {
  return `must be a whole number from ${least} to ${most}`;
}
