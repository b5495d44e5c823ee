/** Which event may follow which state, said once more and apart from the engine: journals are held against it. */
import type { RunEvent } from "../../src/contract/event.ts";
import { isActive, isDone, isFinal, lastAttempt, type Run, type Task, taskOf } from "../../src/engine/run.ts";

/** Why this event must not happen to a run in this state; undefined: it may. */
export function findBreach(run: Run, event: RunEvent): string | undefined {
  const breaks = "taskId" in event ? taskRules(run, taskOf(run, event.taskId), event) : runRules(run, event);
  const broken = Object.entries(breaks).flatMap(([rule, isKept]) => (isKept ? [] : [rule]));
  return broken.length === 0 ? undefined : `${JSON.stringify(event)}: ${broken.join("; ")}`;
}

type Rules = Record<string, boolean>;
type TaskEvent = Extract<RunEvent, { taskId: string }>;
type OwnEvent = Exclude<RunEvent, TaskEvent>;

function runRules(run: Run, event: OwnEvent): Rules {
  const { status } = run.state;
  const areAllFinal = [...run.tasks.values()].every(isFinal);
  switch (event.type) {
    case "run.started":
      return { "a run starts once": status === "pending" };
    case "run.paused":
      return { "what is running can pause": status === "running" };
    case "run.resumed":
      return { "what is paused can resume": status === "paused" };
    case "run.retried":
      return {
        "what has ended is retried": !isActive(run),
        "generations follow": event.generation === run.generation + 1,
      };
    case "run.completed":
      return {
        "what is active completes": isActive(run),
        "all tasks are done": [...run.tasks.values()].every(isDone),
      };
    case "run.failed":
      return { "what is active fails": isActive(run), "no task is left": areAllFinal };
    case "run.cancelled":
      return {
        "what has not ended is cancelled": isActive(run) || status === "pending",
        "no task is left": areAllFinal,
      };
    default:
      throw new Error(`unknown event ${JSON.stringify(event satisfies never)}`);
  }
}

function taskRules(run: Run, task: Task, event: TaskEvent): Rules {
  const { status } = task.state;
  const last = lastAttempt(task);
  const isLive = status === "running" && last?.end === undefined;
  switch (event.type) {
    case "task.queued":
      return {
        ...inRun(run),
        "it waited": status === "waiting" || status === "retrying",
        ...afterAll(run, task),
      };
    case "task.started":
      return {
        ...inRun(run),
        ...afterAll(run, task),
        "it was queued": status === "queued",
        "attempts are numbered on": event.attempt === task.attempts.length + 1,
        "no more are out than allowed": run.running < run.definition.workflow.maxParallelTasks,
        "tries are left": task.tries < task.plan.retry.maxAttempts,
      };
    case "task.completed":
      return {
        ...inRun(run),
        "it is the last attempt": event.attempt === last?.number,
        "it is live, or given up and no later one has begun": isLive || (isGivenUp(task) && !isFinal(task)),
      };
    case "task.retrying":
      return {
        ...inRun(run),
        "it is live": isLive,
        "it is the last attempt": event.attempt === last?.number,
      };
    case "task.failed":
      return {
        ...inRun(run),
        "it is live, or was never begun": event.attempt === undefined ? status === "queued" : isLive,
      };
    case "task.skipped":
      return {
        ...inRun(run),
        "it waited": status === "waiting",
        "for one that failed": hasFailed(run, event.reason.taskId),
      };
    case "task.cancelled":
      return { "it has not ended": !isFinal(task) };
    default:
      throw new Error(`unknown event ${JSON.stringify(event satisfies never)}`);
  }
}

const inRun = (run: Run): Rules => ({ "the run is active": isActive(run) });

function afterAll(run: Run, task: Task): Rules {
  const isReady = task.plan.spec.dependencies.every((id) => isDone(taskOf(run, id)));
  return { "all it depends on is done": isReady };
}

function isGivenUp(task: Task): boolean {
  const end = lastAttempt(task)?.end;
  return end?.status === "lost" || (end?.status === "failed" && end.error.code === "timeout");
}

const hasFailed = (run: Run, id: string): boolean => taskOf(run, id).state.status === "failed";
