/** `gleitzeit check FILE`: what is wrong with a workflow, without a service. */
import { EXIT } from "./exit-code.ts";
import { formatProblems } from "./problem-text.ts";
import { paintFor } from "./terminal.ts";
import { loadWorkflow } from "./workflow-file.ts";

export async function checkFile(path: string, options: { allowOutside: boolean }): Promise<number> {
  const loaded = await loadWorkflow(path, options);
  if (loaded.problems.length > 0) {
    console.error(formatProblems(loaded.problems, loaded, paintFor(process.stderr)));
  }
  if (loaded.ready === undefined) return EXIT.usage;
  const { name, tasks } = loaded.ready.workflow;
  console.log(`${loaded.name}: "${name}" is fine: ${tasks.length} task${tasks.length === 1 ? "" : "s"}`);
  return EXIT.completed;
}
