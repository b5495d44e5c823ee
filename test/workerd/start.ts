/** Starts runs in real objects, without HTTP. */
import { env } from "cloudflare:workers";
import { makeRunId } from "../../src/contract/id.ts";
import type { RunView } from "../../src/contract/run.ts";
import { type Workflow, type WorkflowTask, workflow } from "../../src/contract/workflow.ts";
import type { Env } from "../../src/env.ts";
import { encodeStored } from "../../src/run/definition.ts";
import { unwrap } from "../../src/run/reply.ts";
import { runStub } from "../../src/stubs.ts";

export const bindings = env as unknown as Env;

/** An echo task with an id and what it waits for. */
export function echo(
  id: string,
  dependencies: string[] = [],
  more: Partial<WorkflowTask> = {},
): WorkflowTask {
  return {
    id,
    name: id,
    method: "echo/echo",
    protocol: "echo/v1",
    params: { message: id },
    dependencies,
    priority: "normal",
    allowFailure: false,
    ...more,
  };
}

export function workflowOf(tasks: WorkflowTask[], more: Partial<Workflow> = {}): Workflow {
  return workflow.parse({
    name: "test",
    inputs: {},
    timeout: 3600,
    maxParallelTasks: 100,
    onFailure: "skip_dependents",
    defaults: {},
    tags: {},
    metadata: {},
    mcp: true,
    tasks,
    ...more,
  });
}

export async function start(asked: Workflow): Promise<string> {
  const id = makeRunId(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
  const stored = encodeStored({
    id,
    workflow: asked,
    inputs: {},
    createdAt: Date.now(),
    methodDefaults: {},
    digest: id,
    actor: "test",
    trigger: { kind: "api" },
    tags: {},
    metadata: {},
  });
  unwrap(await runStub(bindings, id).start(stored));
  return id;
}

/** The run once it has ended. */
export async function finished(id: string, waitMs = 30_000): Promise<RunView> {
  const { body } = unwrap(await runStub(bindings, id).view(id, waitMs));
  return JSON.parse(new TextDecoder().decode(body));
}
