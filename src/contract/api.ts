/** The shapes of HTTP bodies that are not a run's own. */
import * as z from "zod";
import { errorCode } from "./error.ts";
import { jsonObject } from "./json.ts";
import { runSummary } from "./run.ts";
import { problem, tags } from "./workflow.ts";

/** RFC 9457. `issues` are the workflow checker's findings. */
export const problemDetails = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: errorCode,
  suggestions: z.array(z.string()),
  issues: z.array(problem),
  requestId: z.string(),
});
export type ProblemDetails = z.infer<typeof problemDetails>;

/** How a run is asked for beside a bare workflow. */
export const startRequest = z.object({
  workflow: z.union([z.string(), jsonObject]),
  inputs: jsonObject.default({}),
  tags: tags.default({}),
  metadata: jsonObject.default({}),
});
export type StartRequest = z.infer<typeof startRequest>;

export const retryRequest = z.object({ from: z.string().optional() });

export const runList = z.object({ items: z.array(runSummary), nextCursor: z.string().nullable() });

/** What a workflow would do: tasks by level, and the longest way through it. */
export const plan = z.object({
  levels: z.array(z.array(z.string())),
  criticalPath: z.array(z.string()),
  tasks: z.int(),
});
export type Plan = z.infer<typeof plan>;

export const checkReport = z.object({
  valid: z.boolean(),
  issues: z.array(problem),
  plan: plan.optional(),
});
export type CheckReport = z.infer<typeof checkReport>;
