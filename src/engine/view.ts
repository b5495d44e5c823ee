/** A run as clients see it. Costs what it shows; nothing here is on the way of a task. */
import type { TaskError } from "../contract/error.ts";
import type { Usage } from "../contract/event.ts";
import { encodeJson, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import {
  type AttemptView,
  type Progress,
  type RunSummary,
  type RunView,
  TASK_STATUSES,
  type TaskDetail,
  type TaskSummary,
  type Trigger,
} from "../contract/run.ts";
import { evaluateOutputs, resolveParams } from "./outputs.ts";
import { type Attempt, isDone, lastAttempt, type Run, type Task, taskOf } from "./run.ts";
import type { ReadResult } from "./turn.ts";

/** What a client said beside the workflow; the engine has no use for it. */
export type Labels = { trigger: Trigger; tags: Record<string, string>; metadata: JsonObject };

export function summarizeRun(run: Run, labels: Labels): RunSummary {
  const { definition, state } = run;
  const { workflow } = definition;
  const finishedAt = "at" in state ? state.at : undefined;
  return {
    id: definition.id,
    workflow: { name: workflow.name, ...given("version", workflow.version) },
    status: state.status,
    generation: run.generation,
    trigger: labels.trigger,
    createdAt: iso(definition.createdAt),
    ...given("startedAt", run.startedAt === undefined ? undefined : iso(run.startedAt)),
    ...given("finishedAt", finishedAt === undefined ? undefined : iso(finishedAt)),
    inputs: definition.inputs,
    tags: { ...workflow.tags, ...labels.tags },
    metadata: { ...workflow.metadata, ...labels.metadata },
    progress: countTasks(run),
    ...given("usage", sumUsage([...run.tasks.values()].flatMap((task) => usageOf(task) ?? []))),
    ...given("error", state.status === "failed" ? state.error : undefined),
  };
}

export function viewRun(run: Run, labels: Labels, read: ReadResult): RunView {
  const evaluated = run.state.status === "completed" ? evaluateOutputs(run, read) : undefined;
  const outputs = evaluated !== undefined && "outputs" in evaluated ? evaluated.outputs : undefined;
  const tasks = boundErrors([...run.tasks.values()].map(summarizeTask), withoutDetails);
  return { ...summarizeRun(run, labels), ...given("outputs", outputs), tasks };
}

/** Params as they are resolved now; they are those of the last attempt, since results do not change. */
export function viewTask(run: Run, id: string, read: ReadResult): TaskDetail {
  const task = taskOf(run, id);
  const { state } = task;
  const resolved = areDependenciesDone(run, task) ? resolveParams(run, task, read) : undefined;
  const result = state.status === "completed" ? read(id, state.attempt) : undefined;
  return {
    ...summarizeTask(task),
    attempts: boundAttempts(task.attempts),
    ...given("params", resolved !== undefined && "params" in resolved ? resolved.params : undefined),
    ...given("result", result),
  };
}

/** Whatever has an error, with another one. */
export function mapError<Holder extends { error?: TaskError | undefined }>(
  holder: Holder,
  change: (error: TaskError) => TaskError,
): Holder {
  return holder.error === undefined ? holder : { ...holder, error: change(holder.error) };
}

function withoutDetails({ code, message, retryable }: TaskError): TaskError {
  return { code, message, retryable };
}

export function shorten(error: TaskError): TaskError {
  const most = LIMITS.shortMessageChars;
  const { message } = error;
  const short = message.length <= most ? message : `${message.slice(0, most)}…`;
  return { ...withoutDetails(error), message: short };
}

/** In this order errors are whole as far as they are small enough together; then they are lighter. */
function boundErrors<Holder extends { error?: TaskError | undefined }>(
  holders: Holder[],
  lighten: (error: TaskError) => TaskError,
): Holder[] {
  let left: number = LIMITS.viewedErrorBytes;
  return holders.map((holder) => {
    left -= holder.error === undefined ? 0 : encodeJson(holder.error as Json).byteLength;
    return left >= 0 ? holder : mapError(holder, lighten);
  });
}

/** The newest are whole. A task may be retried for ever, and each attempt has an error of its own. */
function boundAttempts(attempts: Attempt[]): AttemptView[] {
  const newestFirst = attempts.slice(-LIMITS.viewedAttempts).map(viewAttempt).toReversed();
  return boundErrors(newestFirst, shorten).toReversed();
}

function summarizeTask(task: Task): TaskSummary {
  const { plan, state, attempts } = task;
  const first = attempts[0];
  const last = lastAttempt(task);
  const finishedAt = "at" in state ? state.at : undefined;
  return {
    id: plan.spec.id,
    name: plan.spec.name,
    method: plan.spec.method,
    status: state.status,
    dependencies: plan.spec.dependencies,
    attemptCount: attempts.length,
    ...given("instance", last?.instance),
    ...given("usage", usageOf(task)),
    ...given("startedAt", first === undefined ? undefined : iso(first.startedAt)),
    ...given("finishedAt", finishedAt === undefined ? undefined : iso(finishedAt)),
    ...given("skipReason", state.status === "skipped" ? state.reason : undefined),
    ...given("error", "error" in state ? state.error : undefined),
  };
}

function viewAttempt({ number, instance, tried, startedAt, end }: Attempt): AttemptView {
  const isLost = end?.status === "lost";
  const status = end === undefined ? "running" : end.status === "lost" ? "failed" : end.status;
  return {
    number,
    status,
    ...given("instance", instance),
    ...given("tried", tried.length === 0 ? undefined : tried),
    startedAt: iso(startedAt),
    ...given("finishedAt", end === undefined ? undefined : iso(end.at)),
    ...given("error", end !== undefined && "error" in end ? end.error : undefined),
    ...given("lost", isLost ? true : undefined),
  };
}

function countTasks(run: Run): Progress {
  const none = Object.fromEntries(TASK_STATUSES.map((status) => [status, 0]));
  const counts: Record<string, number> = { total: run.tasks.size, ...none };
  for (const { state } of run.tasks.values()) counts[state.status] = (counts[state.status] ?? 0) + 1;
  return counts as Progress;
}

function usageOf(task: Task): Usage | undefined {
  const ends = task.attempts.flatMap(({ end }) => (end?.status === "completed" ? (end.usage ?? []) : []));
  return sumUsage(ends);
}

function sumUsage(parts: Usage[]): Usage | undefined {
  if (parts.length === 0) return undefined;
  return {
    promptTokens: parts.reduce((sum, part) => sum + part.promptTokens, 0),
    completionTokens: parts.reduce((sum, part) => sum + part.completionTokens, 0),
    totalTokens: parts.reduce((sum, part) => sum + part.totalTokens, 0),
  };
}

function areDependenciesDone(run: Run, task: Task): boolean {
  return task.plan.spec.dependencies.every((id) => isDone(taskOf(run, id)));
}

/** A key that is left out where it has no value: absent, not null. */
function given<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };
}

const iso = (time: number): string => new Date(time).toISOString();
