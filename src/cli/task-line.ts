/** One task in one line: a mark, its id, and what there is to say. */
import type { TaskStatus } from "../contract/run.ts";
import type { TaskProgress } from "./progress.ts";
import { cutTo, oneLine, type Paint, widthOf } from "./terminal.ts";

type Mark = { sign: string; colour: Parameters<Paint>[0] };

const MARKS: Record<TaskStatus, Mark> = {
  waiting: { sign: "·", colour: "dim" },
  queued: { sign: "·", colour: "dim" },
  running: { sign: "▸", colour: "bold" },
  retrying: { sign: "↻", colour: "yellow" },
  completed: { sign: "✓", colour: "green" },
  failed: { sign: "✗", colour: "red" },
  skipped: { sign: "-", colour: "dim" },
  cancelled: { sign: "-", colour: "dim" },
};

/**
 * `idColumns`: ids are filled up to it, so that what follows stands in a column. `now`: where time goes on, that is on
 * a line that will be drawn again.
 */
export type LineOptions = { paint: Paint; columns: number; idColumns?: number; now?: number };

export function taskLine(task: TaskProgress, { paint, columns, idColumns = 0, now }: LineOptions): string {
  const { sign, colour } = MARKS[task.status];
  const id = oneLine(task.id);
  const filled = id + " ".repeat(Math.max(0, idColumns - widthOf(id)));
  const line = [
    sign,
    filled,
    task.status,
    timeOf(task, now),
    oneLine(task.note ?? (task.text || (task.progress ?? ""))),
  ];
  const cut = cutTo(line.filter((part) => part !== "").join(" "), columns);
  return cut.startsWith(sign) ? paint(colour, sign) + cut.slice(sign.length) : cut;
}

/** `35 ms`, `2.4 s`, `3:05 min` */
export function formatTime(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.max(0, Math.round(milliseconds))} ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")} min`;
}

function timeOf({ status, startedAt, endedAt }: TaskProgress, now: number | undefined): string {
  const end = status === "running" ? now : endedAt;
  return startedAt === undefined || end === undefined ? "" : formatTime(end - startedAt);
}
