/** Params that still name files beside the user, which only a client can read (inline-files.ts). */
import { isJsonObject, type Json, type JsonObject, ownValue } from "../contract/json.ts";
import { type Finding, quoteName } from "./problems.ts";
import type { Place } from "./strings.ts";

const FILE_KEYS = ["file", "file_path", "image_path", "image_paths", "files"];

/** True for keys that mean files to llm and python methods, and so are no unknown params. */
export function isFileParam(key: string): boolean {
  return FILE_KEYS.includes(key) || key === "batch_mode";
}

/** One finding for each param that names files, `subject` at the beginning of each message. */
export function findFileParams(params: JsonObject, family: string, subject: string, at: Place): Finding[] {
  const standing = FILE_KEYS.filter((key) => namesFiles(key, ownValue(params, key), family));
  return standing.map((key) => {
    const what = `params.${key} names ${describeFiles(params[key])}, which the service cannot see`;
    const message = `${subject}${what}: submit the workflow with the CLI (gleitzeit run) or the SDK, which put files into it`;
    return { code: "file_not_inlined", at: [...at, key], message, near: "key" };
  });
}

/** `files` of python are contents by path once the client has read them. */
function namesFiles(key: string, value: Json | undefined, family: string): boolean {
  if (value === undefined || value === null) return false;
  return !(key === "files" && family === "python" && isJsonObject(value));
}

function describeFiles(value: Json | undefined): string {
  if (typeof value === "string") return `the file ${quoteName(value)}`;
  return Array.isArray(value) ? `${value.length} file${value.length === 1 ? "" : "s"}` : "files";
}
