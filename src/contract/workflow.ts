/** The canonical workflow: what every spelling of a file becomes (src/spec) and what a run carries. */
import * as z from "zod";
import { json, jsonObject } from "./json.ts";
import { LIMITS } from "./limits.ts";

export const PRIORITIES = ["urgent", "high", "normal", "low"] as const;
export const priority = z.enum(PRIORITIES);
export type Priority = z.infer<typeof priority>;

export const taskId = z
  .string()
  .max(LIMITS.taskIdChars)
  .regex(/^[A-Za-z_][A-Za-z0-9_-]*$/);
export const tags = z
  .record(z.string().max(LIMITS.tagChars), z.string().max(LIMITS.tagChars))
  .refine((value) => Object.keys(value).length <= LIMITS.tags, `at most ${LIMITS.tags} tags`);

/** Delays are seconds. Delay before attempt n+1: fixed base, linear base·n, exponential base·2^(n−1), at most maxDelay. */
export const retry = z.object({
  maxAttempts: z.int().min(1).max(LIMITS.retryAttempts),
  backoff: z.enum(["fixed", "linear", "exponential"]),
  baseDelay: z.number().min(0).max(60),
  maxDelay: z.number().min(1).max(3600),
  jitter: z.boolean(),
});
export type Retry = z.infer<typeof retry>;
/** What a file says of it: each key may be missing. */
export type RetrySettings = z.infer<typeof retrySettings>;
export const retrySettings = retry.partial();
export const RETRY_DEFAULT: Retry = {
  maxAttempts: 3,
  backoff: "exponential",
  baseDelay: 1,
  maxDelay: 300,
  jitter: true,
};

const taskTimeout = z.number().min(1).max(LIMITS.taskTimeoutSeconds);

/**
 * `retry` holds only what the file says: that it says something at all decides whether failures of the work itself
 * are retried. Dependencies are ids, those that references imply included.
 */
export const workflowTask = z.object({
  id: taskId,
  name: z.string().min(1).max(LIMITS.nameChars),
  method: z.string().min(1),
  protocol: z.string().min(1),
  params: jsonObject,
  dependencies: z.array(taskId),
  priority,
  timeout: taskTimeout.optional(),
  retry: retrySettings.optional(),
  allowFailure: z.boolean(),
  /** The instance that must do it, or tags that its instance must have. */
  instance: z.string().min(1).max(LIMITS.nameChars).optional(),
  tags: z.array(z.string().min(1).max(LIMITS.tagChars)).max(LIMITS.tags).optional(),
  metadata: jsonObject.optional(),
});
export type WorkflowTask = z.infer<typeof workflowTask>;

/** A subset of JSON Schema for one input. */
export const inputSchema = z.object({
  type: z.enum(["string", "number", "integer", "boolean", "array", "object"]).optional(),
  description: z.string().optional(),
  default: json.optional(),
  enum: z.array(json).optional(),
  required: z.boolean().optional(),
});
export type InputSchema = z.infer<typeof inputSchema>;

export const workflow = z.object({
  name: z.string().min(1).max(LIMITS.nameChars),
  description: z.string().max(LIMITS.descriptionChars).optional(),
  version: z.string().max(LIMITS.nameChars).optional(),
  inputs: z.record(z.string(), inputSchema),
  outputs: z.record(z.string(), json).optional(),
  timeout: z.number().min(1).max(LIMITS.runTimeoutSeconds),
  maxParallelTasks: z.int().min(1).max(LIMITS.parallelTasks),
  onFailure: z.enum(["skip_dependents", "fail_fast"]),
  defaults: z.object({ retry: retrySettings.optional(), timeout: taskTimeout.optional() }),
  tags,
  metadata: jsonObject,
  mcp: z.boolean(),
  tasks: z.array(workflowTask).min(1).max(LIMITS.tasks),
});
export type Workflow = z.infer<typeof workflow>;

/** One finding of the checker. Line and column count from 1 and are those of the YAML source, where there is one. */
export const problem = z.object({
  severity: z.enum(["error", "warning"]),
  code: z.string(),
  path: z.string(),
  line: z.int().optional(),
  column: z.int().optional(),
  message: z.string(),
  suggestion: z.string().optional(),
});
export type Problem = z.infer<typeof problem>;
