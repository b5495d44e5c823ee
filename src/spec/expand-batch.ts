/** A batch file (`batch: {directory, pattern}` and a `template`) becomes a workflow with one task per file found. */
import { isJsonObject, type Json, type JsonObject, ownValue } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Problem } from "../contract/workflow.ts";
import { complain, type FileAccess } from "./file-reader.ts";
import { giveFile, makeTaskId } from "./give-file.ts";
import { matchesGlob } from "./glob.ts";
import { workingPathOf } from "./inline-python.ts";
import { familyOf, textUnder, without } from "./raw-task.ts";
import { escapeReferences } from "./reference.ts";
import { TASK_KEYS } from "./spellings.ts";
import { mapStrings, stringsOf } from "./strings.ts";
import { hasMoreValues } from "./value-depth.ts";

const PATTERN_DEFAULT = "*";
const PATTERN_CHARS_MAX = 1000;
const PLACEHOLDER = /(?<!\$)\$\{\s*file_path\s*\}/g;

/** Keys of a template that are the task's own; all others are params. Flow control is, so that it is not passed over. */
const OWN_KEYS = new Set([
  ...TASK_KEYS.known.keys(),
  ...TASK_KEYS.unsupported,
  "description",
  ...["max_attempts", "backoff_strategy", "base_delay", "delay", "max_delay"],
]);

/**
 * Gives other files back as they are. Each task names its file, for `inlineFiles` to read; `${file_path}` in the
 * template's strings is its path.
 */
export async function expandBatch(
  file: JsonObject,
  access: FileAccess,
): Promise<{ file: JsonObject; problems: Problem[] }> {
  if (!isBatch(file)) return { file, problems: [] };
  const problems: Problem[] = [];
  const template = ownValue(file, "template");
  if (!isJsonObject(template)) complain(problems, "batch_template", "template", NO_TEMPLATE);
  const batch = parseBatch(file, problems);
  const paths = batch === undefined ? [] : await findFiles(batch, access, problems);
  if (!isJsonObject(template) || paths.length === 0) return { file, problems };
  if (isTooMuch(template, paths.length)) {
    const message = `the template is too large to be copied for each of ${paths.length} files: split the work`;
    complain(problems, "batch_template", "template", message);
    return { file, problems };
  }
  const own = Array.isArray(file["tasks"]) ? file["tasks"] : [];
  const made = paths.map((path, index) => makeTask(template, path, index));
  return { file: { ...without(file, "type", "batch", "template"), tasks: [...own, ...made] }, problems };
}

const NO_TEMPLATE = "a batch needs a template: {method, …params}, the task to be made for each file";

/** Whether so many copies would be more than a workflow may have. */
function isTooMuch(template: JsonObject, copies: number): boolean {
  let chars = 0;
  for (const { text } of stringsOf(template)) chars += text.length;
  return chars * copies > LIMITS.bodyBytes || hasMoreValues(template, LIMITS.values / copies);
}

function isBatch(file: JsonObject): boolean {
  return ownValue(file, "type") === "batch" || ownValue(file, "batch") !== undefined;
}

type Batch = { directory: string; pattern: string };

function parseBatch(file: JsonObject, problems: Problem[]): Batch | undefined {
  const batch = ownValue(file, "batch");
  const directory = isJsonObject(batch) ? textUnder(batch, "directory") : undefined;
  if (!isJsonObject(batch) || directory === undefined) {
    return void complain(problems, "batch_directory", "batch", "a batch needs batch: {directory, pattern}");
  }
  const pattern = ownValue(batch, "pattern") ?? PATTERN_DEFAULT;
  if (typeof pattern === "string" && pattern.length <= PATTERN_CHARS_MAX) return { directory, pattern };
  const message = `the pattern must be text of at most ${PATTERN_CHARS_MAX} characters, like "*.txt" or "**/*.md"`;
  return void complain(problems, "batch_pattern", "batch.pattern", message);
}

/**
 * The paths that match, directory included; empty, with a problem, where there is none. Sorted by the codes of their
 * characters: the same on every machine.
 */
async function findFiles(batch: Batch, access: FileAccess, problems: Problem[]): Promise<string[]> {
  const { directory, pattern } = batch;
  const listed = await access.list(directory);
  if (listed === undefined) {
    complain(problems, "directory_not_found", "batch.directory", `directory "${directory}" does not exist`);
    return [];
  }
  const comparisons = { left: LIMITS.globComparisons };
  const matching = listed.filter((path) => matchesGlob(path, pattern, comparisons)).sort();
  if (comparisons.left <= 0) {
    const message = `comparing ${listed.length} files with this pattern takes too long: use fewer stars`;
    complain(problems, "batch_pattern", "batch.pattern", message);
    return [];
  }
  if (!isFit(matching.length, batch, problems)) return [];
  return matching.map((path) => join(directory, path));
}

function isFit(count: number, { directory, pattern }: Batch, problems: Problem[]): boolean {
  const where = `in directory "${directory}"`;
  if (count === 0) complain(problems, "no_files", "batch", `no file ${where} matches "${pattern}"`);
  if (count <= LIMITS.tasks) return count > 0;
  const message = `${count} files ${where} match "${pattern}", more than ${LIMITS.tasks} tasks; use a narrower pattern`;
  complain(problems, "too_many_tasks", "batch.pattern", message);
  return false;
}

function join(directory: string, path: string): string {
  if (directory === ".") return path;
  return directory.endsWith("/") ? directory + path : `${directory}/${path}`;
}

function makeTask(template: JsonObject, path: string, index: number): JsonObject {
  const fileName = path.slice(path.lastIndexOf("/") + 1);
  const shown = familyOf(template) === "python" ? workingPathOf(path) : path;
  const filled = fill(template, shown);
  const task: JsonObject = { name: `Process ${fileName}`.slice(0, LIMITS.nameChars) };
  const params: JsonObject = {};
  for (const [key, value] of Object.entries(without(filled, "params", "parameters", "id"))) {
    if (OWN_KEYS.has(key)) task[key] = value;
    else params[key] = value;
  }
  const id = makeTaskId(`process-${fileName}`, `-${index}`);
  return giveFile({ id, ...task, params: { ...params, ...nested(filled) } }, path);
}

function fill(template: JsonObject, path: string): JsonObject {
  const escaped = escapeReferences(path);
  const filled = mapStrings(template, (text) => text.replace(PLACEHOLDER, () => escaped));
  return isJsonObject(filled) ? filled : template;
}

function nested(template: JsonObject): JsonObject {
  const under = (key: string): Json | undefined => ownValue(template, key);
  const params = under("params") ?? under("parameters");
  return isJsonObject(params) ? params : {};
}
