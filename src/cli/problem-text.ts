/** Problems as compilers show them: `file:line:column`, the line itself, and a caret under the place. */
import type { Problem } from "../contract/workflow.ts";
import { cutTo, harmless, type Paint, widthOf } from "./terminal.ts";

type Shown = { name: string; text: string };

export function formatProblems(problems: Problem[], { name, text }: Shown, paint: Paint): string {
  const lines = text.split(/\r\n|\n|\r/);
  return problems.map((problem) => formatProblem(problem, name, lines, paint)).join("\n");
}

function formatProblem(problem: Problem, name: string, lines: string[], paint: Paint): string {
  const { severity, line, column, message, suggestion } = problem;
  const place = [name, line, column].filter((part) => part !== undefined).join(":");
  const said = suggestion === undefined ? message : `${message}; ${suggestion}`;
  const colour = severity === "error" ? "red" : "yellow";
  const head = `${place} ${paint(colour, severity)} ${harmless(said)}`;
  const source = line === undefined ? undefined : lines[line - 1];
  return source === undefined ? head : `${head}\n${quote(source, line ?? 1, column ?? 1, paint)}`;
}

const COLUMNS = 100;

/** A long line is shown from a little before the place. */
function quote(source: string, line: number, column: number, paint: Paint): string {
  const from = Math.max(0, column - 1 - COLUMNS / 2);
  const before = shown(source.slice(from, column - 1));
  const start = from > 0 ? "…" : "";
  const number = String(line).padStart(5);
  const quoted = cutTo(start + before + shown(source.slice(column - 1)), COLUMNS);
  const caret = " ".repeat(widthOf(start + before));
  return `${paint("dim", `${number} | `)}${quoted}\n${paint("dim", "      | ")}${caret}^`;
}

const shown = (text: string): string => harmless(text.replaceAll("\t", "  "));
