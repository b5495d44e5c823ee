/** What the engine works out once from a workflow: who waits for whom, in which lane, under which rules. */
import { needKey, needOf } from "../contract/protocol.ts";
import {
  PRIORITIES,
  RETRY_DEFAULT,
  type Retry,
  type RetrySettings,
  type Workflow,
  type WorkflowTask,
} from "../contract/workflow.ts";

/** What the protocol's method says where neither task nor `defaults` do. */
export type MethodDefaults = { retry?: RetrySettings | undefined; timeout?: number | undefined };

export type TaskPlan = {
  readonly spec: WorkflowTask;
  /** Ready tasks go in this order: priority, then the file's. */
  readonly order: number;
  readonly dependents: readonly string[];
  /** Tasks of one lane ask the same of a hub; undefined: the task needs no provider. */
  readonly lane: string | undefined;
  readonly retry: Retry;
  /** Failures of the work itself are retried only where the file says so. */
  readonly retriesWork: boolean;
  readonly timeoutMs: number;
};

const DEFAULT_TIMEOUT_SECONDS = 300;

export function makePlan(
  workflow: Workflow,
  methodDefaults: Readonly<Record<string, MethodDefaults>>,
): Map<string, TaskPlan> {
  const dependents = dependentsOf(workflow);
  return new Map(
    workflow.tasks.map((spec, index) => {
      const method = methodDefaults[spec.method] ?? {};
      return [spec.id, planTask(workflow, spec, index, dependents.get(spec.id) ?? [], method)];
    }),
  );
}

function planTask(
  workflow: Workflow,
  spec: WorkflowTask,
  index: number,
  dependents: string[],
  method: MethodDefaults,
): TaskPlan {
  const need = needOf(spec, spec.params);
  const timeout = spec.timeout ?? workflow.defaults.timeout ?? method.timeout ?? DEFAULT_TIMEOUT_SECONDS;
  return {
    spec,
    order: PRIORITIES.indexOf(spec.priority) * workflow.tasks.length + index,
    dependents,
    // The params as written: a reference in the model's name has one value within a run, so one text is one lane.
    lane: need && needKey(need),
    retry: layer(spec.retry, workflow.defaults.retry, method.retry),
    retriesWork: spec.retry !== undefined || workflow.defaults.retry !== undefined,
    timeoutMs: timeout * 1000,
  };
}

/** Each setting from the first layer that says it. */
function layer(...layers: (RetrySettings | undefined)[]): Retry {
  const retry = { ...RETRY_DEFAULT };
  for (const one of layers.toReversed()) {
    if (one?.maxAttempts !== undefined) retry.maxAttempts = one.maxAttempts;
    if (one?.backoff !== undefined) retry.backoff = one.backoff;
    if (one?.baseDelay !== undefined) retry.baseDelay = one.baseDelay;
    if (one?.maxDelay !== undefined) retry.maxDelay = one.maxDelay;
    if (one?.jitter !== undefined) retry.jitter = one.jitter;
  }
  return retry;
}

function dependentsOf(workflow: Workflow): Map<string, string[]> {
  const dependents = new Map<string, string[]>(workflow.tasks.map((task) => [task.id, []]));
  for (const task of workflow.tasks) {
    for (const dependency of task.dependencies) dependents.get(dependency)?.push(task.id);
  }
  return dependents;
}
