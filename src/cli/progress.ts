/** A run as its events tell it, for showing: the status of each task, and since when. */
import type { JournalEntry, LiveEvent, ProgressEvent } from "../contract/event.ts";
import type { TaskStatus } from "../contract/run.ts";

export type TaskProgress = {
  id: string;
  status: TaskStatus;
  /** Of the attempt that runs, or of the last one; ms. */
  startedAt?: number;
  endedAt?: number;
  /** Why it failed, waits for another try, or was skipped. */
  note?: string;
  /** What a model says while it says it; the end of it. */
  text: string;
  /** How far the call is, where its provider tells. */
  progress?: string;
};

/** Tasks in the order of the file. */
export type Progress = { tasks: Map<string, TaskProgress> };

const TEXT_CHARS = 400;

export function makeProgress(ids: string[]): Progress {
  return { tasks: new Map(ids.map((id) => [id, { id, status: "waiting", text: "" }])) };
}

/** Takes the event in; gives the task it is about. */
export function takeEvent(progress: Progress, event: JournalEntry | LiveEvent): TaskProgress | undefined {
  if (!("taskId" in event)) return undefined;
  const task = progress.tasks.get(event.taskId);
  if (task !== undefined) take(task, event);
  return task;
}

type TaskEvent = Extract<JournalEntry, { taskId: string }> | LiveEvent;

function take(task: TaskProgress, event: TaskEvent): void {
  switch (event.type) {
    case "task.token":
      // From its start: the call is made again elsewhere.
      task.text = ((event.offset === 0 ? "" : task.text) + event.text).slice(-TEXT_CHARS);
      return;
    case "task.progress":
      task.progress = progressText(event);
      return;
    case "task.queued":
      task.status = "queued";
      return;
    case "task.started":
      Object.assign(task, { status: "running", startedAt: Date.parse(event.at), text: "" });
      delete task.endedAt;
      delete task.note;
      delete task.progress;
      return;
    case "task.completed":
      return end(task, "completed", event.at);
    case "task.retrying":
      return end(task, "retrying", event.at, `${event.error.message}; again in ${event.delayMs / 1000} s`);
    case "task.failed":
      return end(task, "failed", event.at, `${event.error.code}: ${event.error.message}`);
    case "task.skipped":
      return end(task, "skipped", event.at, `${event.reason.taskId} did not complete`);
    case "task.cancelled":
      return end(task, "cancelled", event.at);
    default:
      event satisfies never;
  }
}

function end(task: TaskProgress, status: TaskStatus, at: string, note?: string): void {
  Object.assign(task, { status, endedAt: Date.parse(at), text: "" });
  delete task.progress;
  if (note === undefined) delete task.note;
  else task.note = note;
}

/** `3 of 10: reading pages` */
function progressText({ progress, total, message }: ProgressEvent): string {
  const count = total === undefined ? String(progress) : `${progress} of ${total}`;
  return message === undefined ? count : `${count}: ${message}`;
}
