/** A workflow file as it is submitted: batches expanded, files inlined, checked; or what is wrong with it. */
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { text as readAll } from "node:stream/consumers";
import { GleitzeitError } from "../contract/error.ts";
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import type { Problem, Workflow } from "../contract/workflow.ts";
import { userFolder } from "../local/user-folder.ts";
import { PROTOCOLS } from "../providers/protocols/index.ts";
import { checkWorkflow } from "../spec/check.ts";
import { expandBatch } from "../spec/expand-batch.ts";
import { type FileAccess, inlineFiles } from "../spec/inline-files.ts";
import { collectFindings } from "../spec/problems.ts";
import { readText, type Source } from "../spec/source.ts";
import { findTooDeep } from "../spec/value-depth.ts";
import { readYaml } from "../spec/yaml-source.ts";
import { nodeFiles } from "./node-files.ts";

export type LoadedWorkflow = {
  /** What problems call the file. */
  name: string;
  text: string;
  problems: Problem[];
  /** When no problem is an error: what to submit, and what the service will make of it. */
  ready?: { file: JsonObject; workflow: Workflow };
};

/** `-` is standard input. Throws when the file itself cannot be read. */
export async function loadWorkflow(
  path: string,
  options: { allowOutside: boolean },
): Promise<LoadedWorkflow> {
  const current = userFolder();
  const isInput = path === "-";
  const name = isInput ? "<stdin>" : path;
  const text = isInput ? await readAll(process.stdin) : await readUtf8(resolve(current, path), path);
  const own = isInput ? current : dirname(resolve(current, path));
  return { name, text, ...(await prepare(text, nodeFiles({ current, own, ...options }))) };
}

async function readUtf8(path: string, named: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : "";
    const reason =
      code === "ENOENT" ? "there is no such file" : code === "EISDIR" ? "it is a folder" : String(cause);
    throw new GleitzeitError("not_found", `${named}: ${reason}`, { cause });
  }
}

type Prepared = Pick<LoadedWorkflow, "problems" | "ready">;

async function prepare(text: string, access: FileAccess): Promise<Prepared> {
  const value = parse(text);
  // What is no object, or too deep to walk through, names no files: the checker says what it is.
  if (!isJsonObject(value) || findTooDeep(value) !== undefined) return check({ text }, []);
  const expanded = await expandBatch(value, access);
  const inlined = await inlineFiles(expanded.file, access);
  return check({ text, value: inlined.file }, [...expanded.problems, ...inlined.problems]);
}

function check(source: Source, fileProblems: Problem[]): Prepared {
  // The service may know protocols that somebody has registered there.
  const checked = checkWorkflow(source, { protocols: PROTOCOLS, mayBeMore: true });
  // A file that could not be read stands there still; that was said better already.
  const others = checked.problems.filter(
    ({ code }) => fileProblems.length === 0 || code !== "file_not_inlined",
  );
  const located = "text" in source ? locate(fileProblems, source.text) : fileProblems;
  const problems = [...located, ...others].sort(
    (one, other) => (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0),
  );
  const { workflow } = checked;
  if (workflow === undefined || fileProblems.length > 0 || !("value" in source)) return { problems };
  if (!isJsonObject(source.value)) return { problems };
  // YAML's 1.0 is the number 1 by now; the checker has read it as it was written.
  const version = workflow.version === undefined ? {} : { version: workflow.version };
  return { problems, ready: { file: { ...source.value, ...version }, workflow } };
}

/** JSON may be larger than the YAML parser takes. */
function parse(text: string): Json | undefined {
  if (/^\s*\{/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      // `{a: 1}` is YAML too
    }
  }
  return readText(text).value;
}

/** The lines of what names a file; problems with files know only the place: `tasks[1].params.file`. */
function locate(problems: Problem[], text: string): Problem[] {
  const yaml = problems.length > 0 ? readYaml(text, collectFindings()) : undefined;
  return problems.map((problem) => {
    const at = (problem.path.match(/[^.[\]]+/g) ?? []).map((key) => (/^\d+$/.test(key) ? Number(key) : key));
    return { ...problem, ...yaml?.locate({ code: "file_not_inlined", at, message: "" }) };
  });
}
