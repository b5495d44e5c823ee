/** A random workflow: up to a dozen tasks, instant ones and ones that need a slot. */
import type { JsonObject } from "../../src/contract/json.ts";
import {
  PRIORITIES,
  type RetrySettings,
  type Workflow,
  type WorkflowTask,
  workflow,
} from "../../src/contract/workflow.ts";
import type { Chance } from "./chance.ts";

export function makeWorkflow(chance: Chance): Workflow {
  const count = chance.between(1, 12);
  const tasks: WorkflowTask[] = [];
  for (let index = 0; index < count; index++) tasks.push(makeTask(chance, tasks, index));
  return workflow.parse({
    name: "simulated",
    inputs: {},
    timeout: chance.is(0.1) ? chance.between(1, 120) : 86_400,
    maxParallelTasks: chance.is(0.3) ? chance.between(1, 3) : 100,
    onFailure: chance.is(0.2) ? "fail_fast" : "skip_dependents",
    defaults: {},
    tags: {},
    metadata: {},
    mcp: true,
    tasks,
  });
}

function makeTask(chance: Chance, earlier: WorkflowTask[], index: number): WorkflowTask {
  const dependencies = earlier.filter(() => chance.is(1.5 / (earlier.length + 1))).map(({ id }) => id);
  const heard = dependencies.map((id) => `\${${id}.said}`);
  const needsSlot = chance.is(0.5);
  const params: JsonObject = needsSlot ? { heard, model: chance.pick(["small", "large"]) } : { heard };
  return {
    id: `t${index}`,
    name: `t${index}`,
    method: needsSlot ? "llm/chat" : "echo/echo",
    protocol: needsSlot ? "llm/v1" : "echo/v1",
    params,
    dependencies,
    priority: chance.pick(PRIORITIES),
    timeout: chance.is(0.5) ? 600 : chance.between(1, 90),
    allowFailure: chance.is(0.2),
    ...(chance.is(0.5) ? { retry: makeRetry(chance) } : {}),
  };
}

function makeRetry(chance: Chance): RetrySettings {
  return {
    maxAttempts: chance.between(1, 4),
    backoff: chance.pick(["fixed", "linear", "exponential"] as const),
    baseDelay: chance.pick([0, 0.1, 1, 5]),
  };
}
