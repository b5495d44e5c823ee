/** What people read when a run has ended: each task's result or failure, and the outputs. */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import type { RunView, TaskSummary } from "../contract/run.ts";
import { formatTime } from "./task-line.ts";
import { harmless, type Paint } from "./terminal.ts";

/** Of one result; `--json` gives all of it. */
const LINES_MAX = 40;
const CHARS_MAX = 4000;

export function formatRun(run: RunView, results: JsonObject, paint: Paint): string {
  const parts = run.tasks.map((task) => formatTask(task, results, paint));
  if (run.outputs !== undefined && hasOwnOutputs(run, results)) {
    parts.push(`${paint("bold", "outputs")}\n${indent(cut(asJson(run.outputs)))}`);
  }
  return [...parts, summary(run, paint)].join("\n");
}

function formatTask(task: TaskSummary, results: JsonObject, paint: Paint): string {
  const result = Object.hasOwn(results, task.id) ? results[task.id] : undefined;
  const head = paint("bold", task.id);
  if (result !== undefined) return `${head}\n${indent(cut(textOf(result)))}`;
  const { error, skipReason, status } = task;
  if (error !== undefined) return `${head} ${paint("red", status)}\n${indent(cut(errorText(error)))}`;
  const why = skipReason === undefined ? "" : `: ${skipReason.taskId} did not complete`;
  return `${head} ${paint("dim", status)}${why}`;
}

/** Models and tools answer with text, scripts with what they printed and a result; all else is shown as it is. */
function textOf(result: Json): string {
  if (typeof result === "string") return result;
  if (!isJsonObject(result)) return asJson(result);
  const { response, output } = result;
  if (typeof response === "string") return response;
  if (typeof output !== "string" || result["success"] !== true) return asJson(result);
  const value = result["result"] ?? null;
  const parts = [output.trimEnd(), value === null ? "" : typeof value === "string" ? value : asJson(value)];
  return parts.filter((part) => part !== "").join("\n");
}

function errorText({ code, message, details }: NonNullable<TaskSummary["error"]>): string {
  const traceback = details?.["traceback"];
  return typeof traceback === "string" ? `${code}: ${message}\n${traceback}` : `${code}: ${message}`;
}

/** Without declared outputs, outputs are results, which are shown already. */
function hasOwnOutputs({ outputs = {} }: RunView, results: JsonObject): boolean {
  return Object.entries(outputs).some(
    ([name, value]) => !Object.hasOwn(results, name) || asJson(results[name] ?? null) !== asJson(value),
  );
}

function summary(run: RunView, paint: Paint): string {
  const { status, startedAt, finishedAt, error, progress } = run;
  const took = Date.parse(finishedAt ?? run.createdAt) - Date.parse(startedAt ?? run.createdAt);
  const head = `run ${run.id} ${status} in ${formatTime(took)}`;
  const count = `${progress.completed} of ${progress.total} task${progress.total === 1 ? "" : "s"} completed`;
  const why = error === undefined ? "" : `\n${error.code}: ${harmless(error.message)}`;
  return `${paint(status === "completed" ? "green" : "red", head)}, ${count}${why}`;
}

const asJson = (value: Json): string => JSON.stringify(value, null, 2);

function cut(text: string): string {
  const lines = harmless(text.slice(0, CHARS_MAX)).split("\n");
  const kept = lines.slice(0, LINES_MAX).join("\n");
  const isCut = lines.length > LINES_MAX || text.length > CHARS_MAX;
  return isCut ? `${kept}\n… (${text.length} characters; --json prints all of it)` : kept;
}

const indent = (text: string): string => text.replace(/^/gm, "  ");
