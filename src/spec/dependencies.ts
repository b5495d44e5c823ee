/** What tasks depend on: what they state, and what they refer to. */
import type { Json, JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Draft } from "./canonical.ts";
import { forEachReference, resolveHead, resolveReference, type Spot, type Surroundings } from "./meaning.ts";
import { type Findings, quoteName } from "./problems.ts";
import type { Reference } from "./reference.ts";
import type { Place } from "./strings.ts";

/** `isScript`: the param `code` is run as it is. */
export type Dependent = Spot & { id: string; stated: readonly Json[]; params: JsonObject; isScript: boolean };

/** False, and said so, where tasks state more dependencies than there may be: each would be looked up. */
export function isLinkable({ tasks }: Draft, findings: Findings): boolean {
  let stated = 0;
  for (const { subject, at, fields } of tasks) {
    const { dependencies } = fields;
    stated += Array.isArray(dependencies) ? dependencies.length : 0;
    if (stated <= LIMITS.edges) continue;
    const message = `${subject}up to here tasks state over ${LIMITS.edges} dependencies: split the workflow`;
    findings.error({ code: "too_large", at, message });
    return false;
  }
  return true;
}

/** Ids for each task: those stated first, then those referred to, each once. */
export function linkTasks(tasks: readonly Dependent[], around: Surroundings): string[][] {
  let edges = 0;
  return tasks.map((task) => {
    // Once there are too many, the rest would only take time.
    const linked = edges > LIMITS.edges ? [] : linkTask(task, around);
    const before = edges;
    edges += linked.length;
    if (edges > LIMITS.edges && before <= LIMITS.edges) {
      const message = `${task.subject}up to here tasks have over ${LIMITS.edges} dependencies: split the workflow`;
      around.findings.error({ code: "too_large", at: task.at, message });
    }
    return linked;
  });
}

/** Outputs depend on nothing, but what they refer to must be there. */
export function checkOutputs(outputs: Json, around: Surroundings): void {
  forEachReference(outputs, { subject: "outputs: ", at: ["outputs"] }, around, (reference, spot) => {
    resolveReference(reference, spot, around);
  });
}

function linkTask(task: Dependent, around: Surroundings): string[] {
  const linked = new Set<string>();
  const { subject, params } = task;
  const add = (id: string | undefined, at: Place, message: string): void => {
    if (id !== undefined && id !== task.id) linked.add(id);
    else if (id !== undefined)
      around.findings.error({ code: "self_dependency", at, message: subject + message });
  };
  for (const [index, head] of task.stated.entries()) {
    if (typeof head !== "string") continue;
    const at = [...task.at, "dependencies", index];
    const message = `depends on unknown task ${quoteName(head)}`;
    const id = resolveHead(head, { subject, at }, around, { code: "unknown_dependency", message });
    add(id, at, "depends on itself");
  }
  const place = [...task.at, "params"];
  forEachReference(params, { subject, at: place }, around, (reference, spot) => {
    const { at } = spot;
    const isCode = at.length === place.length + 1 && at.at(-1) === "code";
    if (task.isScript && isCode) warnOfCode(reference, spot, around);
    add(resolveReference(reference, spot, around), at, `${reference.text} refers to the task itself`);
  });
  return [...linked];
}

/** What an earlier task says would be run as part of the script. */
function warnOfCode({ text }: Reference, { subject, at }: Spot, { findings }: Surroundings): void {
  const message = `${subject}${text} stands inside python code, where its value would be run: pass it through context`;
  findings.warn({ code: "reference_in_code", at, message, near: { text } });
}
