/** Whether and when a failed task is tried again. */
import { retryingOf, type TaskError } from "../contract/error.ts";
import { type RunId, spreadOf } from "../contract/id.ts";
import { CAPACITY, LIMITS } from "../contract/limits.ts";
import type { Retry } from "../contract/workflow.ts";
import type { TaskPlan } from "./plan.ts";
import type { Task } from "./run.ts";

const JITTER = 0.2;

/** Faults of the way always, failures of the work only where the file says `retry`, within maxAttempts. */
export function mayRetry(task: Task, error: TaskError): boolean {
  if (task.tries + 1 >= task.plan.retry.maxAttempts) return false;
  const retrying = retryingOf(error.code);
  return retrying === "way" || (retrying === "work" && task.plan.retriesWork);
}

/** A lost attempt is made again without counting; what kills its executor every time must end, and so must "once". */
export function mayRepeatLost(task: Task): boolean {
  return task.plan.retry.maxAttempts > 1 && task.losses + 1 < CAPACITY.losses;
}

/**
 * Milliseconds before the next try after `tries` counted ones. Jitter depends on run, task and try alone, so that a
 * replay decides the same; what the provider asks for (Retry-After) wins.
 */
export function delayBefore(
  plan: TaskPlan,
  run: RunId,
  tries: number,
  retryAfterMs: number | undefined,
): number {
  if (retryAfterMs !== undefined)
    return Math.min(Math.max(0, retryAfterMs), LIMITS.taskTimeoutSeconds * 1000);
  const { jitter, maxDelay } = plan.retry;
  const factor = jitter ? spreadOf(`${run}/${plan.spec.id}/${tries}`, JITTER) : 1;
  return Math.round(Math.min(backoffSeconds(plan.retry, tries) * factor, maxDelay) * 1000);
}

function backoffSeconds({ backoff, baseDelay }: Retry, tries: number): number {
  switch (backoff) {
    case "fixed":
      return baseDelay;
    case "linear":
      return baseDelay * tries;
    case "exponential":
      return baseDelay * 2 ** (tries - 1);
    default:
      throw new Error(`unknown backoff ${backoff satisfies never}`);
  }
}
