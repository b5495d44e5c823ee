/** Events: what happened to a run. They are its journal, its live stream, and all its state is folded from them. */
import * as z from "zod";
import { errorCode, taskError } from "./error.ts";
import { runId } from "./id.ts";

/** Counted by the provider. Absent where it does not count. */
export const usage = z.object({
  promptTokens: z.int().min(0),
  completionTokens: z.int().min(0),
  totalTokens: z.int().min(0),
});
export type Usage = z.infer<typeof usage>;

/** An instance that failed within an attempt, before the call went to another. In the order of the calls. */
export const tried = z.object({ instance: z.string(), code: errorCode, message: z.string() });
export type Tried = z.infer<typeof tried>;

/** Why a task was skipped. Further reasons come with conditions. */
export const skipReason = z.object({ kind: z.literal("dependency"), taskId: z.string() });

const task = { taskId: z.string() };
const attempt = { taskId: z.string(), attempt: z.int().min(1) };
/** Where an attempt ended, and where it was tried before. */
const where = { instance: z.string().optional(), tried: z.array(tried).optional() };
/** Who asked: a key's name, `local`, a schedule, a webhook. */
const actor = { actor: z.string() };

export const event = z.discriminatedUnion("type", [
  z.object({ type: z.literal("run.started"), ...actor }),
  z.object({ type: z.literal("run.paused"), ...actor }),
  z.object({ type: z.literal("run.resumed"), ...actor }),
  z.object({
    type: z.literal("run.retried"),
    generation: z.int().min(2),
    from: z.string().optional(),
    ...actor,
  }),
  z.object({ type: z.literal("run.completed") }),
  z.object({ type: z.literal("run.failed"), error: taskError }),
  z.object({ type: z.literal("run.cancelled"), ...actor }),

  z.object({ type: z.literal("task.queued"), ...task }),
  /** `session`: the executor's session that carries it out. */
  z.object({
    type: z.literal("task.started"),
    ...attempt,
    session: z.string(),
    instance: z.string().optional(),
  }),
  z.object({
    type: z.literal("task.completed"),
    ...attempt,
    bytes: z.int().min(0),
    ...where,
    usage: usage.optional(),
  }),
  /** `outcome`: only `failed` counts against maxAttempts. */
  z.object({
    type: z.literal("task.retrying"),
    ...attempt,
    outcome: z.enum(["failed", "lost", "returned"]),
    delayMs: z.number().min(0),
    error: taskError,
    ...where,
  }),
  /** Without `attempt` where the task failed before one began (an unresolved reference). */
  z.object({
    type: z.literal("task.failed"),
    ...task,
    attempt: z.int().min(1).optional(),
    error: taskError,
    ...where,
  }),
  z.object({ type: z.literal("task.skipped"), ...task, reason: skipReason }),
  z.object({ type: z.literal("task.cancelled"), ...task }),
]);
export type RunEvent = z.infer<typeof event>;
export type EventOf<Type extends RunEvent["type"]> = Extract<RunEvent, { type: Type }>;

/** An event as clients get it: `seq` counts from 1 without a gap, `at` is RFC 3339. */
export const journalEntry = z.intersection(
  z.object({ seq: z.int().min(1), at: z.iso.datetime(), runId }),
  event,
);
export type JournalEntry = z.infer<typeof journalEntry>;

/**
 * Text of a running model call, live only: no seq, not in the journal. `offset` counts characters from its start. `call`
 * counts from 1 within the attempt: one that fails may be made again elsewhere, and its text begins anew.
 */
export const tokenEvent = z.object({
  type: z.literal("task.token"),
  taskId: z.string(),
  attempt: z.int().min(1),
  call: z.int().min(1),
  offset: z.int().min(0),
  text: z.string(),
});
export type TokenEvent = z.infer<typeof tokenEvent>;

/** How far a running call is, as its provider tells. Live only, like text. */
export const progressEvent = z.object({
  type: z.literal("task.progress"),
  taskId: z.string(),
  attempt: z.int().min(1),
  progress: z.number(),
  total: z.number().optional(),
  message: z.string().optional(),
});
export type ProgressEvent = z.infer<typeof progressEvent>;

/** What followers get beside the journal. */
export type LiveEvent = TokenEvent | ProgressEvent;
