/** One task for one file: how a task that is made for each of several files gets the one that is its own. */
import { isJsonObject, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { workingPathOf } from "./inline-python.ts";
import { familyOf, paramsOf, verbOf } from "./raw-task.ts";
import { escapeReferences } from "./reference.ts";

/** Other protocols than these two have no files: `file_path` may well be an argument of a tool. */
export function takesFile(task: JsonObject): boolean {
  return ["llm", "python"].includes(familyOf(task));
}

/** The task with the path in its params, for `inlineFiles` to put the contents there. */
export function giveFile(task: JsonObject, path: string): JsonObject {
  const { key, params } = paramsOf(task);
  if (!takesFile(task)) return task;
  if (familyOf(task) === "python") return { ...task, [key]: giveScript(params, path) };
  if (["file_path", "image_path", "image_paths"].some((name) => Object.hasOwn(params, name))) return task;
  return { ...task, [key]: { ...params, [verbOf(task) === "vision" ? "image_path" : "file_path"]: path } };
}

/** An id from any text: what ids cannot hold becomes `-`. The ending is kept whole, the text is cut. */
export function makeTaskId(text: string, ending: string): string {
  const start = text.slice(0, LIMITS.taskIdChars);
  const plain = start.replace(/[^A-Za-z0-9_-]/g, "-").replace(/^(?![A-Za-z_])/, "_");
  return plain.slice(0, LIMITS.taskIdChars - ending.length) + ending;
}

function giveScript(params: JsonObject, path: string): JsonObject {
  const own = { file_path: escapeReferences(workingPathOf(path)) };
  const context = params["context"];
  return { ...params, context: isJsonObject(context) ? { ...context, ...own } : own, files: [path] };
}
