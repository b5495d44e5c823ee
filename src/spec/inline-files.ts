/**
 * Puts the files a workflow names into the workflow, before it is submitted: the service cannot see them.
 * Works on the file as it was parsed, whatever its spelling, and changes nothing else.
 */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Problem } from "../contract/workflow.ts";
import { batchFilesOf, spread } from "./batch-mode.ts";
import { complain, type FileAccess, type FileReader, makeFileReader, type Site } from "./file-reader.ts";
import { inlineLlm } from "./inline-llm.ts";
import { inlinePython } from "./inline-python.ts";
import { familyOf, labelOf, paramsOf, textUnder, verbOf } from "./raw-task.ts";

export type { FileAccess } from "./file-reader.ts";

/**
 * All files that cannot be read are problems, each with the place that names it. With a problem, the file that is
 * given back is not to be run. Tasks made for `batch_mode` come after the others, which keep their places.
 */
export async function inlineFiles(
  file: JsonObject,
  access: FileAccess,
): Promise<{ file: JsonObject; problems: Problem[] }> {
  const tasks = file["tasks"];
  if (!Array.isArray(tasks)) return { file, problems: [] };
  const reader = makeFileReader(access);
  const taken = new Set(tasks.flatMap((task) => (isJsonObject(task) ? (textUnder(task, "id") ?? []) : [])));
  const kept: Json[] = [];
  const added: Json[] = [];
  for (const [index, task] of tasks.entries()) {
    const inlined = isJsonObject(task) ? await inlineTask(task, index, taken, reader) : [task];
    kept.push(...inlined.slice(0, 1));
    for (const another of inlined.slice(1)) added.push(another);
  }
  return { file: { ...file, tasks: [...kept, ...added] }, problems: reader.problems };
}

/** The task, and after it those made for its files. */
async function inlineTask(
  task: JsonObject,
  index: number,
  taken: Set<string>,
  reader: FileReader,
): Promise<JsonObject[]> {
  const place = `tasks[${index}].${paramsOf(task).key}`;
  const label = labelOf(task, index);
  const batch = batchFilesOf(task);
  if (batch === undefined) return [await inlineParams(task, siteOf(label, place), reader)];
  const { named, paths } = batch;
  if (taken.size + paths.length > LIMITS.tasks) {
    const message = `task "${label}": one task for each of ${paths.length} files is over ${LIMITS.tasks} tasks`;
    complain(reader.problems, "too_many_tasks", `${place}.${named}`, `${message}; name fewer files`);
    return [task];
  }
  const { collector, tasks } = spread(task, index, batch, taken);
  const inlined = [collector];
  for (const [number, single] of tasks.entries()) {
    const site: Site = { task: label, at: () => `${place}.${named}[${number}]` };
    inlined.push(await inlineParams(single, site, reader));
  }
  return inlined;
}

function siteOf(task: string, place: string): Site {
  return { task, at: (key, index) => `${place}.${key}${index === undefined ? "" : `[${index}]`}` };
}

async function inlineParams(task: JsonObject, site: Site, reader: FileReader): Promise<JsonObject> {
  const { key, params } = paramsOf(task);
  const family = familyOf(task);
  if (family === "python") return { ...task, [key]: await inlinePython(params, site, reader) };
  if (family === "llm") return { ...task, [key]: await inlineLlm(verbOf(task), params, site, reader) };
  return task;
}
