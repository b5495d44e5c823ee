/** Starts runs in real objects, without HTTP. */
import { env } from "cloudflare:workers";
import type { JournalEntry } from "../../src/contract/event.ts";
import { makeRunId, objectNameOf, type RunId } from "../../src/contract/id.ts";
import type { RunView } from "../../src/contract/run.ts";
import { type Workflow, type WorkflowTask, workflow } from "../../src/contract/workflow.ts";
import type { Env } from "../../src/env.ts";
import { unwrap } from "../../src/reply.ts";
import { encodeStored, type Stored } from "../../src/run/definition.ts";
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

export const newId = (): RunId => makeRunId(Date.now(), crypto.getRandomValues(new Uint8Array(10)));

/** What a run is started with, as it travels. */
export function definitionOf(asked: Workflow, more: Partial<Stored> = {}): Uint8Array {
  const id = newId();
  return encodeStored({
    id,
    workflow: asked,
    inputs: {},
    createdAt: Date.now(),
    methodDefaults: {},
    methods: {},
    digest: id,
    actor: "test",
    trigger: { kind: "api" },
    tags: {},
    metadata: {},
    ...more,
  });
}

export async function start(asked: Workflow): Promise<RunId> {
  const id = newId();
  unwrap(await runStub(bindings, id).start(definitionOf(asked, { id })));
  return id;
}

/** The object itself, for what looks into it. */
export const objectOf = (id: RunId): DurableObjectStub => bindings.RUNS.getByName(objectNameOf(id));

export async function journalOf(id: RunId): Promise<JournalEntry[]> {
  return unwrap(await runStub(bindings, id).journal(id, 0, 100_000));
}

/** The run once it has ended. */
export async function finished(id: string, waitMs = 30_000): Promise<RunView> {
  const { body } = unwrap(await runStub(bindings, id).view(id, waitMs));
  return JSON.parse(new TextDecoder().decode(body));
}

/** `count` tasks, each waiting for the one before. */
export function chain(count: number): WorkflowTask[] {
  return Array.from({ length: count }, (_, index) => echo(`t${index}`, index === 0 ? [] : [`t${index - 1}`]));
}
