/** What references of a run stand for, and the outputs of one that completed. */
import { makeTaskError, type TaskError } from "../contract/error.ts";
import { encodeJson, isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { resolveReferences, type Scope } from "../spec/reference.ts";
import type { Run, Task } from "./run.ts";
import type { ReadResult } from "./turn.ts";

/** Heads of references: `inputs`, `run`, and every task that is done. */
function scopeOf(run: Run, read: ReadResult): Scope {
  return (head) => {
    if (head === "inputs") return { value: run.definition.inputs };
    if (head === "run") return { value: describeRun(run) };
    const id = run.find(head);
    const state = id === undefined ? undefined : run.tasks.get(id)?.state;
    if (id === undefined || state === undefined) return undefined;
    if (state.status === "completed") return { value: read(id, state.attempt) };
    return state.status === "failed" ? { failed: true } : undefined;
  };
}

export type ResolvedParams = { params: JsonObject } | { error: TaskError };

/** A task's params with every reference replaced. */
export function resolveParams(run: Run, task: Task, read: ReadResult): ResolvedParams {
  const { spec } = task.plan;
  const resolved = resolveReferences(spec.params, scopeOf(run, read));
  if (!resolved.ok) {
    return { error: makeTaskError(resolved.code, resolved.message, { reference: resolved.reference }) };
  }
  // Params are an object, and substitution keeps objects objects.
  return { params: isJsonObject(resolved.value) ? resolved.value : {} };
}

export type Outputs = { outputs: JsonObject } | { error: TaskError } | { omitted: true };

/** Why a run whose tasks are all done still fails: a declared output does not resolve or does not fit. */
export function checkOutputs(run: Run, read: ReadResult): TaskError | undefined {
  const { outputs } = run.definition.workflow;
  const evaluated = outputs === undefined ? undefined : declaredOutputs(outputs, run, read);
  return evaluated !== undefined && "error" in evaluated ? evaluated.error : undefined;
}

/**
 * Declared outputs, or the results of the tasks nothing depends on: those are a convenience, and left out where they
 * are larger than one result may be.
 */
export function evaluateOutputs(run: Run, read: ReadResult): Outputs {
  const { outputs } = run.definition.workflow;
  return outputs === undefined ? sinkResults(run, read) : declaredOutputs(outputs, run, read);
}

function declaredOutputs(outputs: JsonObject, run: Run, read: ReadResult): Outputs {
  const resolved = resolveReferences(outputs, scopeOf(run, read));
  if (!resolved.ok) {
    const details = { reference: resolved.reference };
    return { error: makeTaskError("output_unresolved", `outputs: ${resolved.message}`, details) };
  }
  const size = encodeJson(resolved.value).byteLength;
  if (size > LIMITS.outputsBytes) {
    const message = `outputs: ${size} bytes are more than the ${LIMITS.outputsBytes} a run may return`;
    return { error: makeTaskError("outputs_too_large", message) };
  }
  return { outputs: isJsonObject(resolved.value) ? resolved.value : {} };
}

function sinkResults(run: Run, read: ReadResult): Outputs {
  const sinks = [...run.tasks.values()].filter((task) => task.plan.dependents.length === 0);
  const size = sinks.reduce((sum, task) => sum + resultBytesOf(task), 0);
  if (size > LIMITS.outputsBytes) return { omitted: true };
  const results = sinks.map(({ plan, state }): [string, Json] => {
    const { id } = plan.spec;
    return [id, state.status === "completed" ? read(id, state.attempt) : null];
  });
  return { outputs: Object.fromEntries(results) };
}

/** The size of a completed task's result; 0 for others. */
function resultBytesOf({ state, attempts }: Task): number {
  const end = state.status === "completed" ? attempts[state.attempt - 1]?.end : undefined;
  return end?.status === "completed" ? end.bytes : 0;
}

function describeRun({ definition, startedAt }: Run): JsonObject {
  const { id, workflow } = definition;
  return { id, name: workflow.name, startedAt: new Date(startedAt ?? definition.createdAt).toISOString() };
}
