/** Tasks as a graph. Nothing here recurses: a chain of 10,000 tasks is an ordinary workflow. */
import type { Plan } from "../contract/api.ts";
import type { Workflow } from "../contract/workflow.ts";

/** Ids and what they depend on; dependencies that are no task are left out of account. */
export type Node = { id: string; dependencies: readonly string[] };

/** The ids of tasks that depend on each other, each on the next, the first again at the end: `[a, b, a]`. */
export function findCycle(tasks: readonly Node[]): string[] | undefined {
  const order = sortTopologically(tasks);
  if (order.length === tasks.length) return undefined;
  const done = new Set(order);
  const left = new Map(tasks.filter((task) => !done.has(task.id)).map((task) => [task.id, task]));
  const start = left.keys().next().value;
  return start === undefined ? undefined : walkIntoCycle(left, start);
}

/** Ids so that each comes after its dependencies. Those in cycles, and all that come after these, are left out. */
export function sortTopologically(tasks: readonly Node[]): string[] {
  const { waitsFor, dependents } = countDependencies(tasks);
  const order = [...waitsFor.keys()].filter((id) => waitsFor.get(id) === 0);
  // The list grows while it is walked: it is the queue and the answer.
  for (const id of order) {
    for (const dependent of dependents.get(id) ?? []) {
      const left = (waitsFor.get(dependent) ?? 0) - 1;
      waitsFor.set(dependent, left);
      if (left === 0) order.push(dependent);
    }
  }
  return order;
}

/** What the workflow would do: a task's level is one above the highest of its dependencies. */
export function planOf(workflow: Pick<Workflow, "tasks">): Plan {
  const { levelOf, highestOf } = measureLevels(workflow.tasks);
  const levels: string[][] = [];
  for (const { id } of workflow.tasks) {
    const level = levelOf.get(id) ?? 0;
    while (levels.length <= level) levels.push([]);
    levels[level]?.push(id);
  }
  return { levels, criticalPath: pathTo(levels.at(-1)?.[0], highestOf), tasks: workflow.tasks.length };
}

/** For each task the number of its dependencies, and who depends on it; each pair counts once. */
function countDependencies(tasks: readonly Node[]) {
  const waitsFor = new Map(tasks.map((task) => [task.id, 0]));
  const dependents = new Map<string, string[]>();
  for (const { id, dependencies } of tasks) {
    for (const dependency of new Set(dependencies)) {
      if (!waitsFor.has(dependency)) continue;
      waitsFor.set(id, (waitsFor.get(id) ?? 0) + 1);
      const known = dependents.get(dependency);
      if (known === undefined) dependents.set(dependency, [id]);
      else known.push(id);
    }
  }
  return { waitsFor, dependents };
}

/** Each task's level, and the dependency that makes it so high. */
function measureLevels(tasks: readonly Node[]) {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const levelOf = new Map<string, number>();
  const highestOf = new Map<string, string>();
  for (const id of sortTopologically(tasks)) {
    let level = 0;
    for (const dependency of byId.get(id)?.dependencies ?? []) {
      const above = (levelOf.get(dependency) ?? -1) + 1;
      if (above <= level) continue;
      level = above;
      highestOf.set(id, dependency);
    }
    levelOf.set(id, level);
  }
  return { levelOf, highestOf };
}

/** Each task that is left has a dependency that is left, so a walk along these ends in a cycle. */
function walkIntoCycle(left: ReadonlyMap<string, Node>, start: string): string[] {
  const walked = new Map<string, number>();
  const path: string[] = [];
  for (let id: string | undefined = start; id !== undefined; ) {
    const seen = walked.get(id);
    if (seen !== undefined) return [...path.slice(seen), id];
    walked.set(id, path.length);
    path.push(id);
    id = left.get(id)?.dependencies.find((dependency) => left.has(dependency));
  }
  return path;
}

function pathTo(last: string | undefined, before: ReadonlyMap<string, string>): string[] {
  const path: string[] = [];
  for (let id = last; id !== undefined; id = before.get(id)) path.push(id);
  return path.reverse();
}
