/** Tasks that wait for each other, and so for ever. */
import { findCycle, type Node } from "./graph.ts";
import type { Findings } from "./problems.ts";
import type { Place } from "./strings.ts";

/** `at`: where the task says what it depends on. */
export type Linked = Node & { at: Place };

/** Cycles reported at once: each is found anew without the tasks of those before. */
const CYCLES = 10;
/** Ids that are spelled out; a circle of 10,000 is told by its beginning. */
const IDS = 20;

export function checkCycles(tasks: readonly Linked[], findings: Findings): void {
  let left = tasks;
  for (let found = 0; found < CYCLES; found++) {
    const cycle = findCycle(left);
    if (cycle === undefined) return;
    const members = new Set(cycle);
    const first = left.find(({ id }) => members.has(id));
    if (first !== undefined) report(first, cycle, findings);
    left = left.filter(({ id }) => !members.has(id));
  }
}

function report(first: Linked, cycle: string[], findings: Findings): void {
  const start = cycle.indexOf(first.id);
  const ids = [...cycle.slice(start, -1), ...cycle.slice(0, start), first.id];
  const shown =
    ids.length > IDS ? [...ids.slice(0, IDS - 2), `(${ids.length - IDS + 1} more)`, first.id] : ids;
  const message = `tasks depend on each other in a circle: ${shown.join(" → ")}`;
  findings.error({ code: "cycle", at: first.at, message, near: "key" });
}
