/** Checking as the tests of this folder do it: with the protocols that ship, from the text of a file. */
import type { Problem, Workflow, WorkflowTask } from "../../src/contract/workflow.ts";
import { PROTOCOLS } from "../../src/providers/protocols/index.ts";
import { type Checked, checkWorkflow } from "../../src/spec/check.ts";
import type { Source } from "../../src/spec/source.ts";

export function check(source: string | Source, knownTools: string[] = []): Checked {
  const given = typeof source === "string" ? { text: source } : source;
  return checkWorkflow(given, { protocols: PROTOCOLS, knownTools });
}

/** The workflow of a file that must check, warnings or not. */
export function workflowOf(source: string | Source): Workflow {
  const { workflow, problems } = check(source);
  if (workflow === undefined) throw new Error(`it does not check: ${JSON.stringify(problems)}`);
  return workflow;
}

/** The tasks of a file that says no more than its tasks. */
export function tasksOf(tasks: string): WorkflowTask[] {
  return workflowOf(file(tasks)).tasks;
}

export function problemsOf(source: string | Source): Problem[] {
  return check(source).problems;
}

/** `error unknown_dependency tasks[0].dependencies[0]`, one for each problem. */
export function findingsOf(source: string | Source): string[] {
  return problemsOf(source).map(({ severity, code, path }) => `${severity} ${code} ${path}`);
}

/** The one problem that a file must have. */
export function problemOf(source: string | Source): Problem {
  const [problem, ...more] = problemsOf(source);
  if (problem === undefined || more.length > 0) {
    throw new Error(`expected one problem, found ${JSON.stringify([problem, ...more])}`);
  }
  return problem;
}

/** A named workflow with these tasks. */
export function file(tasks: string): string {
  return `name: test\ntasks:\n${tasks}\n`;
}

/** An echo task on one line of a file's `tasks`. */
export function echo(id: string, rest = ""): string {
  return `  - { id: ${id}, method: echo/echo${rest === "" ? "" : `, ${rest}`} }\n`;
}
