/** The shapes of HTTP bodies that are not a run's own. */
import * as z from "zod";
import { errorCode } from "./error.ts";
import { jsonObject } from "./json.ts";
import { runStatus, runSummary } from "./run.ts";
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

/** `notice`: what the page may lack, and why; absent where history is whole. */
export const runList = z.object({
  items: z.array(runSummary),
  nextCursor: z.string().nullable(),
  notice: z.string().optional(),
});

/** Where history is kept: D1; a Durable Object; the memory of one, which forgets. */
export const HISTORY_BACKENDS = ["d1", "durable", "memory"] as const;
export const historyBackend = z.enum(HISTORY_BACKENDS);
export type HistoryBackend = z.infer<typeof historyBackend>;

/**
 * `backend` is what the setting names, `active` what is written to now. `behindRuns` were left with the durable one while
 * D1 failed and go to D1 in their order, the first of them for `behindSeconds`.
 */
export const historyStatus = z.object({
  backend: historyBackend,
  active: historyBackend,
  behindRuns: z.int().min(0),
  behindSeconds: z.number().min(0),
});
export type HistoryStatus = z.infer<typeof historyStatus>;

/** `runs` are absent where no backend answers. */
export const serviceStatus = z.object({
  version: z.string(),
  history: historyStatus,
  runs: z.record(runStatus, z.int().min(0)).optional(),
});
export type ServiceStatus = z.infer<typeof serviceStatus>;

/** One side of a copy: how many runs, and a digest of all that is kept of them, whatever the order. */
const side = z.object({ runs: z.int().min(0), digest: z.string() });

/**
 * How far a copy of history is. It is made in steps, each a request: what the answer says is sent with the next, until
 * `isDone`. `after` is the last run that was looked at. `copied` had to be written, all others were there already, so a
 * copy that broke off is simply made again. In the end `isEqual` tells whether the target has all that the source has.
 */
export const transferProgress = z.object({
  after: z.string().nullable(),
  copied: z.int().min(0),
  from: side,
  to: side,
  isDone: z.boolean(),
  isEqual: z.boolean(),
});
export type TransferProgress = z.infer<typeof transferProgress>;

export const transferRequest = z.object({
  from: historyBackend,
  to: historyBackend,
  progress: transferProgress.optional(),
});
export type TransferRequest = z.infer<typeof transferRequest>;

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
