/** What a terminal shows of a run at one moment: as many tasks as it has rows for, and how many are left out. */
import type { TaskStatus } from "../contract/run.ts";
import type { Progress, TaskProgress } from "./progress.ts";
import { taskLine } from "./task-line.ts";
import { cutTo, oneLine, type Paint, widthOf } from "./terminal.ts";

export type FrameOptions = { columns: number; rows: number; paint: Paint; now: number };

const ID_COLUMNS_MAX = 32;

/** What to look at first where not all tasks fit. */
const URGENCY: TaskStatus[] = [
  "running",
  "retrying",
  "failed",
  "queued",
  "waiting",
  "completed",
  "skipped",
  "cancelled",
];

export function frameOf({ tasks }: Progress, { rows, ...line }: FrameOptions): string[] {
  const all = [...tasks.values()];
  const shown = choose(all, Math.max(1, rows));
  const idColumns = Math.min(ID_COLUMNS_MAX, Math.max(...shown.map(({ id }) => widthOf(oneLine(id))), 0));
  const lines = shown.map((task) => taskLine(task, { ...line, idColumns }));
  const rest = all.length - shown.length;
  return rest === 0 || lines.length >= rows ? lines : [...lines, cutTo(restLine(all, rest), line.columns)];
}

/** In the order of the file, whatever was chosen: lines that jump cannot be read. */
function choose(tasks: TaskProgress[], rows: number): TaskProgress[] {
  if (tasks.length <= rows) return tasks;
  const room = Math.max(1, rows - 1);
  const ranked = tasks.toSorted((one, other) => rankOf(one) - rankOf(other)).slice(0, room);
  const chosen = new Set(ranked);
  return tasks.filter((task) => chosen.has(task));
}

const rankOf = ({ status }: TaskProgress): number => URGENCY.indexOf(status);

function restLine(tasks: TaskProgress[], rest: number): string {
  const counts = URGENCY.map((status) => [status, tasks.filter((task) => task.status === status).length]);
  const said = counts.flatMap(([status, count]) => (count === 0 ? [] : `${count} ${status}`));
  return `… ${rest} more; of all ${tasks.length}: ${said.join(", ")}`;
}
