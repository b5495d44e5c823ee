/**
 * `files` or `image_paths` with `batch_mode: true`: one task per file, and the task itself becomes the one that
 * collects their results in a list. It keeps its id and its place; the others are added, so that nothing after it
 * moves.
 */
import type { JsonObject } from "../contract/json.ts";
import { giveFile, makeTaskId, takesFile } from "./give-file.ts";
import { familyOf, labelOf, paramsOf, verbOf, without } from "./raw-task.ts";

type Spread = { collector: JsonObject; tasks: JsonObject[] };

/** Which param names the files a task is to be made for, one each. */
export type BatchFiles = { named: "files" | "image_paths"; paths: string[] };

/** Undefined for a task that is not in batch mode. */
export function batchFilesOf(task: JsonObject): BatchFiles | undefined {
  const { params } = paramsOf(task);
  if (params["batch_mode"] !== true || !takesFile(task)) return undefined;
  const isOfImages = familyOf(task) === "llm" && params["files"] === undefined;
  const named = isOfImages ? "image_paths" : "files";
  const listed = params[named];
  const paths = Array.isArray(listed) ? listed.filter((path) => typeof path === "string") : [];
  const isList = Array.isArray(listed) && paths.length === listed.length && paths.length > 0;
  return isList ? { named, paths } : undefined;
}

/** Tasks `<id>-1`, `<id>-2`, … in the order of the files; `taken` are the ids of the file, and grows. */
export function spread(
  task: JsonObject,
  index: number,
  { named, paths }: BatchFiles,
  taken: Set<string>,
): Spread {
  const { key, params } = paramsOf(task);
  const own = without(params, named, "batch_mode");
  const single = { ...without(task, "id", "name"), [key]: own };
  const tasks: JsonObject[] = [];
  const ids: string[] = [];
  for (const [number, path] of paths.entries()) {
    const id = freeId(labelOf(task, index), number + 1, taken);
    ids.push(id);
    // A chat's file would be text; an image is one whatever the method.
    if (named === "image_paths") tasks.push({ id, ...single, [key]: { ...own, image_paths: [path] } });
    else tasks.push(giveFile({ id, ...single }, path));
  }
  return { collector: collectorOf(task, ids), tasks };
}

function freeId(label: string, number: number, taken: Set<string>): string {
  let id = makeTaskId(label, `-${number}`);
  for (let again = 2; taken.has(id); again++) id = makeTaskId(label, `-${number}-${again}`);
  taken.add(id);
  return id;
}

/** `${id.result}` is the list; for tasks that answer with text `${id.response}` is the texts, one after the other. */
function collectorOf(task: JsonObject, ids: string[]): JsonObject {
  const params: JsonObject = { result: ids.map((id) => `\${${id}}`) };
  const hasText =
    familyOf(task) === "llm" && ["chat", "vision", "complete", "generate"].includes(verbOf(task));
  if (hasText) params["message"] = ids.map((id) => `\${${id}.response}`).join("\n\n");
  return { ...without(task, "params", "parameters"), protocol: "echo/v1", method: "echo/echo", params };
}
