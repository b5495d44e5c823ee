/** Which tasks a retry of an ended run does again. */
import { isDone, type Run, type Task, taskOf } from "./run.ts";

/**
 * Everything that is not done, and, with `from`, that task and all after it. What is not done is always among them:
 * a task after `from` may wait for it.
 */
export function tasksToRepeat(run: Run, from: string | undefined): Set<Task> {
  const again = new Set<Task>();
  for (const task of run.tasks.values()) if (!isDone(task)) again.add(task);
  if (from !== undefined) addWithDependents(run, taskOf(run, from), again);
  return again;
}

function addWithDependents(run: Run, first: Task, found: Set<Task>): void {
  const open = [first];
  const seen = new Set(open);
  for (let task = open.pop(); task !== undefined; task = open.pop()) {
    found.add(task);
    for (const id of task.plan.dependents) {
      const dependent = taskOf(run, id);
      if (seen.has(dependent)) continue;
      seen.add(dependent);
      open.push(dependent);
    }
  }
}
