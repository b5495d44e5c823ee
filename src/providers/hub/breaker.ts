/**
 * A circuit breaker: whether an instance is worth a call, from how its calls ended. Open, it gets none; half open, one
 * at a time, until enough of them have succeeded.
 */
import { CAPACITY, TIMING } from "../../contract/limits.ts";

export type Breaker =
  | { state: "closed"; failuresInRow: number; last: boolean[] }
  | { state: "open"; until: number; periodMs: number }
  | { state: "half_open"; successes: number; periodMs: number };

export const makeBreaker = (): Breaker => ({ state: "closed", failuresInRow: 0, last: [] });

/** The breaker at this time: one that was open long enough is half open. */
export function breakerAt(breaker: Breaker, now: number): Breaker {
  if (breaker.state !== "open" || now < breaker.until) return breaker;
  return { state: "half_open", successes: 0, periodMs: breaker.periodMs };
}

/** A call, or a check, has ended. What began before the breaker opened says nothing new. */
export function record(before: Breaker, isSuccess: boolean, now: number): Breaker {
  const breaker = breakerAt(before, now);
  switch (breaker.state) {
    case "closed":
      return recordClosed(breaker, isSuccess, now);
    case "open":
      return breaker;
    case "half_open":
      if (!isSuccess) return open(Math.min(2 * breaker.periodMs, TIMING.breakerMaxMs), now);
      if (breaker.successes + 1 >= CAPACITY.breakerTrials) return makeBreaker();
      return { ...breaker, successes: breaker.successes + 1 };
    default:
      throw new Error(`unknown breaker ${JSON.stringify(breaker satisfies never)}`);
  }
}

/** It was down and answers again: trials need not wait for the period to end. */
export function recover(breaker: Breaker): Breaker {
  return breaker.state === "open"
    ? { state: "half_open", successes: 0, periodMs: TIMING.breakerMs }
    : breaker;
}

function recordClosed(
  breaker: Extract<Breaker, { state: "closed" }>,
  isSuccess: boolean,
  now: number,
): Breaker {
  const last = [...breaker.last, isSuccess].slice(-CAPACITY.breakerWindow);
  const failuresInRow = isSuccess ? 0 : breaker.failuresInRow + 1;
  const failures = last.filter((one) => !one).length;
  const isSick =
    failuresInRow >= CAPACITY.breakerFailures || failures >= CAPACITY.breakerWindow * CAPACITY.breakerShare;
  return isSick ? open(TIMING.breakerMs, now) : { state: "closed", failuresInRow, last };
}

const open = (periodMs: number, now: number): Breaker => ({ state: "open", until: now + periodMs, periodMs });
