import { posix } from "node:path";
import { LIMITS } from "./limits.ts";
import { invalidParam, isObject } from "./rpc.ts";

/** A file for a script's working folder; the path is relative and stays inside it. */
export type ScriptFile = { path: string; bytes: Buffer };

export function parseFiles(files: Record<string, unknown>): ScriptFile[] {
  const entries = Object.entries(files);
  if (entries.length > LIMITS.files) throw invalidParam("files", `may be ${LIMITS.files} at most`);
  const parsed = entries.map(([path, content]) => ({
    path: parsePath(path),
    bytes: parseContent(path, content),
  }));
  refuseClashes(parsed.map((file) => file.path));
  return parsed;
}

function parsePath(path: string): string {
  const normal = posix.normalize(path);
  const isInside = !path.startsWith("/") && !path.split("/").includes("..") && !path.includes("\0");
  if (!isInside || normal === "." || normal.endsWith("/")) {
    throw invalidParam(`files[${JSON.stringify(path)}]`, "must be a relative path to a file, without ..");
  }
  const names = normal.split("/");
  const isShort = names.every((name) => Buffer.byteLength(name) <= LIMITS.fileNameBytes);
  if (!isShort || Buffer.byteLength(normal) > LIMITS.filePathBytes) {
    throw invalidParam(`files[${JSON.stringify(path)}]`, "is too long a path; give it a shorter name");
  }
  return normal;
}

function parseContent(path: string, content: unknown): Buffer {
  if (typeof content === "string") return Buffer.from(content);
  const base64 = isObject(content) ? content["base64"] : undefined;
  const isBase64 = typeof base64 === "string" && base64.length % 4 === 0 && /^[\w+/]*={0,2}$/.test(base64);
  if (!isBase64) {
    throw invalidParam(
      `files[${JSON.stringify(path)}]`,
      "must be a text or {base64: a padded base64 string}",
    );
  }
  return Buffer.from(base64, "base64");
}

function refuseClashes(paths: string[]): void {
  const taken = new Set(paths);
  if (taken.size < paths.length) throw invalidParam("files", "name the same path twice");
  for (const path of paths) {
    for (let folder = posix.dirname(path); folder !== "."; folder = posix.dirname(folder)) {
      if (taken.has(folder)) throw invalidParam("files", `name "${folder}" as a file and as a folder`);
    }
  }
}
