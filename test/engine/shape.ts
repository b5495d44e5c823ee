/** Workflows in a line of text: "a b:a c:a,b" is three tasks in this order, b after a, c after both. */
import type { Workflow, WorkflowTask } from "../../src/contract/workflow.ts";

export type TaskSettings = Partial<Omit<WorkflowTask, "id" | "dependencies">>;

/** What the notation does not say: of the workflow, of every task, of single tasks. */
export type Shape = Partial<Omit<Workflow, "tasks">> & {
  each?: TaskSettings;
  tasks?: Record<string, TaskSettings>;
};

export function makeWorkflow(notation: string, { each, tasks, ...settings }: Shape = {}): Workflow {
  return {
    name: "test",
    inputs: {},
    timeout: 3600,
    maxParallelTasks: 100,
    onFailure: "skip_dependents",
    defaults: {},
    tags: {},
    metadata: {},
    mcp: true,
    ...settings,
    tasks: notation
      .split(" ")
      .map((text) => makeTask(text, { ...each, ...tasks?.[text.split(":")[0] ?? ""] })),
  };
}

/** "t0 t1:t0 t2:t1 …": each task after the one before. */
export function chain(length: number): string[] {
  return Array.from({ length }, (_, index) => (index === 0 ? "t0" : `t${index}:t${index - 1}`));
}

/** "t0 t1 t2 …": tasks that have nothing to do with each other. */
export function crowd(size: number): string {
  return Array.from({ length: size }, (_, index) => `t${index}`).join(" ");
}

/** A task that asks a hub for this model, and so is offered before it begins. */
export const llm = (model = "small"): TaskSettings => ({
  protocol: "llm/v1",
  method: "llm/chat",
  params: { model },
});

/** What the run calls the need of {@link llm}. */
export const laneOf = (model = "small"): string => JSON.stringify(["llm/v1", model, null, null, []]);

function makeTask(text: string, settings: TaskSettings): WorkflowTask {
  const [id = "", dependencies = ""] = text.split(":");
  return {
    id,
    name: id,
    protocol: "echo/v1",
    method: "echo/echo",
    params: {},
    priority: "normal",
    allowFailure: false,
    dependencies: dependencies === "" ? [] : dependencies.split(","),
    ...settings,
  };
}
