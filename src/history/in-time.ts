/** The end of patience: a database that is slow is one that fails. */
import { GleitzeitError } from "../contract/error.ts";
import { TIMING } from "../contract/limits.ts";

/** What the work gives, or `unavailable`; the work itself goes on, and what it does later must be harmless. */
export async function inTime<Result>(work: Promise<Result>): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>();
  const message = `history: no answer within ${TIMING.historySlowMs / 1000} s`;
  const timer = setTimeout(() => reject(new GleitzeitError("unavailable", message)), TIMING.historySlowMs);
  return await Promise.race([work, promise]).finally(() => clearTimeout(timer));
}
