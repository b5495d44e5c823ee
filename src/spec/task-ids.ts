/** Ids of tasks: those the file gives, and slugs of names for the rest. */
import { LIMITS } from "../contract/limits.ts";
import { taskId } from "../contract/workflow.ts";
import type { DraftTask } from "./canonical.ts";
import { RESERVED_HEADS } from "./lookup.ts";
import { type Findings, quoteName } from "./problems.ts";

/** `given`: what the file says as id. Only where it is `odd` does it differ from the id. */
export type Identity = { id: string; name: string; isDerived: boolean; oddId?: string };

/** One for each task, in order, each id once. Ids that are given come first: no slug takes them. */
export function assignIds(tasks: readonly DraftTask[], findings: Findings): Identity[] {
  const taken = takeGivenIds(tasks, findings);
  const free = freeIdFinder(taken);
  return tasks.map((task, index) => identify(task, index, free, findings));
}

/** A name as id: letters, digits, `_` and `-`; empty where nothing of it can stay. A name that is an id stays as it is. */
export function slugOf(name: string): string {
  if (taskId.safeParse(name).success) return name;
  const plain = name
    .slice(0, NAME_CHARS)
    .normalize("NFKD")
    .slice(0, NAME_CHARS)
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll("ß", "ss");
  const slug = plain
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, LIMITS.taskIdChars);
  return /^\d/.test(slug) ? `task-${slug}`.slice(0, LIMITS.taskIdChars) : slug;
}

/** More of a name than an id can hold, and little enough to be looked at 10,000 times. */
const NAME_CHARS = 2 * LIMITS.taskIdChars;

function takeGivenIds(tasks: readonly DraftTask[], findings: Findings): Set<string> {
  const first = new Map<string, number>();
  for (const [index, { at, fields }] of tasks.entries()) {
    const given = fields["id"];
    if (typeof given !== "string" || given === "") continue;
    const before = first.get(given);
    if (before === undefined) first.set(given, index);
    else
      report(
        given,
        `task id ${quoteName(given)} is there twice: tasks ${before + 1} and ${index + 1} have it`,
        "duplicate_id",
      );
    if (RESERVED_HEADS.includes(given))
      report(given, `task id ${quoteName(given)} is reserved: choose another`, "reserved_id");

    function report(id: string, message: string, code: "duplicate_id" | "reserved_id"): void {
      findings.error({ code, at: [...at, "id"], message, near: { text: id } });
    }
  }
  return new Set([...first.keys(), ...RESERVED_HEADS]);
}

/** Counts on from where the last clash of the same slug ended, so that 10,000 tasks of one name take 10,000 steps. */
function freeIdFinder(taken: Set<string>): (slug: string) => string {
  const next = new Map<string, number>();
  return (slug) => {
    let id = slug;
    let number = next.get(slug) ?? 2;
    for (; taken.has(id); number++) id = `${slug.slice(0, LIMITS.taskIdChars - 6)}-${number}`;
    next.set(slug, number);
    taken.add(id);
    return id;
  };
}

function identify(
  task: DraftTask,
  index: number,
  free: (slug: string) => string,
  findings: Findings,
): Identity {
  const given = textOf(task.fields["id"]);
  const name = textOf(task.fields["name"]);
  if (given !== undefined && taskId.safeParse(given).success)
    return { id: given, name: name ?? given, isDerived: false };
  const id = free(slugOf(given ?? name ?? "") || `task-${index + 1}`);
  if (given === undefined) return { id, name: name ?? id, isDerived: true };
  const message = `task ${quoteName(given)}: an id has letters, digits, "_" and "-" and begins with no digit`;
  findings.warn({
    code: "odd_id",
    at: [...task.at, "id"],
    message,
    suggest: () => `it is now ${JSON.stringify(id)}`,
  });
  return { id, name: name ?? given.slice(0, LIMITS.nameChars), isDerived: true, oddId: given };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
