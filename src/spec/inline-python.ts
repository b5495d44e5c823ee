/** Files of python tasks: `file` becomes `code`, a list of `files` becomes their contents. */
import type { JsonObject } from "../contract/json.ts";
import { complain, type FileReader, type Site } from "./file-reader.ts";
import { textUnder, without } from "./raw-task.ts";
import { setOwn } from "./strings.ts";

export async function inlinePython(params: JsonObject, site: Site, reader: FileReader): Promise<JsonObject> {
  return inlineWorkingFiles(await inlineScript(params, site, reader), site, reader);
}

/** Where a file lies in the script's working folder: its path, without what leads out of the folder. */
export function workingPathOf(path: string): string {
  const segments = path.split(/[\\/]/).filter((segment) => !/^(?:\.{0,2}|[A-Za-z]:)$/.test(segment));
  return segments.join("/");
}

async function inlineScript(params: JsonObject, site: Site, reader: FileReader): Promise<JsonObject> {
  const path = textUnder(params, "file");
  if (path === undefined) return params;
  const mention = { path, task: site.task, at: site.at("file") };
  if (params["code"] !== undefined) {
    const message = `task "${site.task}": it has both "code" and "file"; keep one of them`;
    complain(reader.problems, "file_conflict", mention.at, message);
    return params;
  }
  const code = await reader.text(mention);
  // The path stays as the name that tracebacks show.
  return code === undefined ? params : { name: path, ...without(params, "file"), code };
}

async function inlineWorkingFiles(params: JsonObject, site: Site, reader: FileReader): Promise<JsonObject> {
  const paths = params["files"];
  if (!Array.isArray(paths)) return params;
  const files: JsonObject = {};
  for (const [index, path] of paths.entries()) {
    if (typeof path !== "string") return params;
    const mention = { path, task: site.task, at: site.at("files", index) };
    const name = workingPathOf(path);
    if (Object.hasOwn(files, name)) {
      const message = `task "${site.task}": two files would both lie at "${name}" in its working folder`;
      complain(reader.problems, "file_conflict", mention.at, message);
    }
    setOwn(files, name, (await reader.textOrBase64(mention)) ?? null);
  }
  return { ...params, files };
}
