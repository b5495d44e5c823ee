/** A run and its tasks as clients see them. */
import * as z from "zod";
import { taskError } from "./error.ts";
import { skipReason, tried, usage } from "./event.ts";
import { runId } from "./id.ts";
import { json, jsonObject } from "./json.ts";
import { tags } from "./workflow.ts";

export const RUN_STATUSES = ["pending", "running", "paused", "completed", "failed", "cancelled"] as const;
export const runStatus = z.enum(RUN_STATUSES);
export type RunStatus = z.infer<typeof runStatus>;
export const hasEnded = (status: RunStatus): boolean =>
  status === "completed" || status === "failed" || status === "cancelled";

export const TASK_STATUSES = [
  "waiting",
  "queued",
  "running",
  "retrying",
  "completed",
  "failed",
  "skipped",
  "cancelled",
] as const;
export const taskStatus = z.enum(TASK_STATUSES);
export type TaskStatus = z.infer<typeof taskStatus>;

export const trigger = z.object({
  kind: z.enum(["api", "cron", "webhook", "rpc", "mcp"]),
  name: z.string().optional(),
});
export type Trigger = z.infer<typeof trigger>;

const time = z.iso.datetime();

/** How many tasks there are, in all and of each status. */
export const progress = z
  .object({ total: z.int() })
  .extend(
    Object.fromEntries(TASK_STATUSES.map((status) => [status, z.int()])) as Record<TaskStatus, z.ZodInt>,
  );
export type Progress = z.infer<typeof progress>;

export const taskSummary = z.object({
  id: z.string(),
  name: z.string(),
  method: z.string(),
  status: taskStatus,
  dependencies: z.array(z.string()),
  attemptCount: z.int(),
  instance: z.string().optional(),
  usage: usage.optional(),
  startedAt: time.optional(),
  finishedAt: time.optional(),
  skipReason: skipReason.optional(),
  error: taskError.optional(),
});
export type TaskSummary = z.infer<typeof taskSummary>;

export const attemptView = z.object({
  number: z.int(),
  status: z.enum(["running", "completed", "failed", "returned", "cancelled"]),
  instance: z.string().optional(),
  /** Where it failed before it went to `instance`. */
  tried: z.array(tried).optional(),
  startedAt: time,
  finishedAt: time.optional(),
  error: taskError.optional(),
  lost: z.boolean().optional(),
});
export type AttemptView = z.infer<typeof attemptView>;

/**
 * `params` are as resolved; absent while the task waits for what they refer to, and where they are too large to be
 * carried out. `attempts` are the last `LIMITS.viewedAttempts`; the errors of older ones are short where all of them
 * are too large together.
 */
export const taskDetail = taskSummary.extend({
  params: jsonObject.optional(),
  result: json.optional(),
  attempts: z.array(attemptView),
});
export type TaskDetail = z.infer<typeof taskDetail>;

/** What lists show: a run without its tasks and outputs. */
export const runSummary = z.object({
  id: runId,
  workflow: z.object({ name: z.string(), version: z.string().optional() }),
  status: runStatus,
  generation: z.int(),
  trigger,
  createdAt: time,
  startedAt: time.optional(),
  finishedAt: time.optional(),
  inputs: jsonObject,
  tags,
  metadata: jsonObject,
  progress,
  usage: usage.optional(),
  error: taskError.optional(),
});
export type RunSummary = z.infer<typeof runSummary>;

/** The same run with a note instead of its inputs. */
export function omitInputs<Summary extends RunSummary>(summary: Summary, note: string): Summary {
  return { ...summary, inputs: { $omitted: note } };
}

/**
 * A run. `outputs` are there when it completed; without declared outputs they are the results of the tasks nothing
 * depends on, and left out when these are larger than one result may be (`GET …/results` streams them).
 *
 * Errors of tasks have `details` as far as these are no more than `LIMITS.viewedErrorBytes` together; the task's own
 * view has them. A view is at most `LIMITS.viewBytes`: where it would be more, `outputs` are left out first, then
 * messages of tasks' errors are cut, then those errors are left out, and at last inputs are `{$omitted: note}`.
 */
export const runView = runSummary.extend({
  outputs: z.record(z.string(), json).optional(),
  tasks: z.array(taskSummary),
});
export type RunView = z.infer<typeof runView>;
