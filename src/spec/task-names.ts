/** Which task is meant by an id or a name. */
import type { Workflow } from "../contract/workflow.ts";
import type { Identity } from "./task-ids.ts";

/** `several`: a name that more than one task has. */
export type Meant = { id: string } | { several: string[] } | undefined;
export type TaskNames = { find: (head: string) => Meant; all: () => Iterable<string> };

/** Where a task keeps an id that was none: references by it go on working. */
export const ODD_ID_KEY = "originalId";

/**
 * The id that a reference's head or a stated dependency means in a checked workflow.
 *
 * @example
 * findTask({ tasks: [{ id: "write-outline", name: "Write outline", … }] })("Write outline"); // "write-outline"
 */
export function findTask(workflow: Pick<Workflow, "tasks">): (head: string) => string | undefined {
  const names = indexTasks(
    workflow.tasks.map(({ id, name, metadata }) => {
      const oddId = metadata?.[ODD_ID_KEY];
      return { id, name, isDerived: false, ...(typeof oddId === "string" ? { oddId } : {}) };
    }),
  );
  return (head) => {
    const meant = names.find(head);
    return meant !== undefined && "id" in meant ? meant.id : undefined;
  };
}

/** Ids win over names, except for an id that was only made from a name which several tasks have. */
export function indexTasks(tasks: readonly Identity[]): TaskNames {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const byOddId = new Map(
    tasks.flatMap(({ id, oddId }) => (oddId === undefined ? [] : [[oddId, id] as const])),
  );
  const byName = new Map<string, string[]>();
  for (const { id, name } of tasks) {
    const known = byName.get(name);
    if (known === undefined) byName.set(name, [id]);
    else known.push(id);
  }
  let all: Set<string> | undefined;
  return {
    find: (head) => {
      const named = byName.get(head) ?? [];
      const id = byId.get(head);
      if (id !== undefined && !(id.isDerived && named.length > 1)) return { id: id.id };
      const odd = byOddId.get(head);
      if (odd !== undefined) return { id: odd };
      if (named.length > 1) return { several: named };
      return named[0] === undefined ? undefined : { id: named[0] };
    },
    all: () => {
      all ??= new Set([...byId.keys(), ...byOddId.keys(), ...byName.keys()]);
      return all;
    },
  };
}
