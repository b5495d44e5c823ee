/** What tasks depend on: what they state, and what they refer to. */
import type { Json, JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import {
  forEachReference,
  reportMalformed,
  resolveHead,
  resolveReference,
  type Spot,
  type Surroundings,
} from "./meaning.ts";
import { quoteName } from "./problems.ts";
import type { Reference } from "./reference.ts";
import type { Place } from "./strings.ts";

/** `isScript`: the param `code` is run as it is. */
export type Dependent = Spot & { id: string; stated: readonly Json[]; params: JsonObject; isScript: boolean };

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
  const spot = { subject: "outputs: ", at: ["outputs"] };
  reportMalformed(outputs, spot, around.findings);
  forEachReference(outputs, (reference, at) => {
    resolveReference(reference, { ...spot, at: [...spot.at, ...at] }, around);
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
  reportMalformed(params, { subject, at: place }, around.findings);
  forEachReference(params, (reference, inside) => {
    const at = [...place, ...inside];
    if (task.isScript && inside.length === 1 && inside[0] === "code")
      warnOfCode(reference, { subject, at }, around);
    add(
      resolveReference(reference, { subject, at }, around),
      at,
      `${reference.text} refers to the task itself`,
    );
  });
  return [...linked];
}

/** What an earlier task says would be run as part of the script. */
function warnOfCode({ text }: Reference, { subject, at }: Spot, { findings }: Surroundings): void {
  const message = `${subject}${text} stands inside python code, where its value would be run: pass it through context`;
  findings.warn({ code: "reference_in_code", at, message, near: { text } });
}
