/** The invariants: what must hold of every journal, after every command, and of every call that is made. */
import type { RunEvent } from "../../src/contract/event.ts";
import { CAPACITY } from "../../src/contract/limits.ts";
import type { Definition, Run, Task } from "../../src/engine/run.ts";
import { requireNothingHangs } from "./nothing-hangs.ts";

type Seen = {
  /** Attempts so far, and how the last one ended. */
  attempts: number;
  ended: "no" | "completed" | "presumed" | "otherwise";
  tries: number;
  losses: number;
  state: "open" | "done" | "failed" | "skipped" | "cancelled";
  calls: number;
};

export class Journal {
  readonly #definition: Definition;
  readonly #tasks: Map<string, Seen>;
  #count = 0;
  #running = 0;
  #ended = false;

  constructor(definition: Definition) {
    this.#definition = definition;
    this.#tasks = new Map(definition.workflow.tasks.map((task) => [task.id, fresh()]));
  }

  get length(): number {
    return this.#count;
  }

  /** An event was saved. */
  add(event: RunEvent): void {
    this.#count++;
    if (this.#ended) require(event.type === "run.retried", `${event.type} after the run's end`);
    if ("taskId" in event) this.#addOfTask(event, this.#seen(event.taskId));
    if (event.type === "run.retried") this.#retry(event.from);
    this.#ended = ["run.completed", "run.failed", "run.cancelled"].includes(event.type);
    if (this.#ended) this.#checkEnd(event.type);
  }

  /** A command is over, and its effects are on their way. */
  afterCommand(run: Run, alarmAt: number): void {
    require(run.seq === this.#count, `the run counts ${run.seq} events, ${this.#count} are saved`);
    requireNothingHangs(run, alarmAt);
    const most = this.#definition.workflow.maxParallelTasks;
    require(run.running + run.live.offers.size <= most, `more than ${most} tasks at once`);
    recount(run);
  }

  /** A provider is called for this attempt. */
  called(taskId: string, attempt: number): void {
    const seen = this.#seen(taskId);
    require(attempt <= seen.attempts, `call of ${taskId}#${attempt} before it was recorded`);
    if (attempt === seen.attempts) seen.calls++;
    require(seen.calls <= 1, `${taskId}#${attempt} was called ${seen.calls} times`);
  }

  #addOfTask(event: Extract<RunEvent, { taskId: string }>, seen: Seen): void {
    const { taskId } = event;
    switch (event.type) {
      case "task.queued":
        require(seen.state === "open", `${taskId} queued although ${seen.state}`);
        return this.#requireDependencies(taskId);
      case "task.started":
        require(event.attempt ===
          seen.attempts + 1, `attempt ${event.attempt} of ${taskId} after ${seen.attempts}`);
        require(seen.ended !== "no" || seen.attempts === 0, `${taskId} started while its attempt runs`);
        require(seen.state === "open", `${taskId} started although ${seen.state}`);
        this.#requireDependencies(taskId);
        seen.attempts++;
        seen.calls = 0;
        seen.ended = "no";
        return this.#run(+1);
      case "task.completed":
        require(event.attempt ===
          seen.attempts, `${taskId}#${event.attempt} accepted after ${seen.attempts} began`);
        require(seen.ended === "no" || seen.ended === "presumed", `${taskId}#${event.attempt} ended twice`);
        this.#end(seen, "completed");
        seen.losses = 0;
        return this.#close(seen, taskId, "done");
      case "task.retrying": {
        require(seen.ended === "no" &&
          event.attempt === seen.attempts, `${taskId}#${event.attempt} ended twice`);
        const isPresumed = event.outcome === "lost" || event.error.code === "timeout";
        this.#end(seen, isPresumed ? "presumed" : "otherwise");
        if (event.outcome === "failed") seen.tries++;
        if (event.outcome !== "returned") seen.losses = event.outcome === "lost" ? seen.losses + 1 : 0;
        require(seen.losses < CAPACITY.losses, `${taskId} lost ${seen.losses} attempts in a row and goes on`);
        return require(seen.tries < this.#attemptMax(taskId), `${taskId} goes on after ${seen.tries} tries`);
      }
      case "task.failed":
        if (event.attempt !== undefined) {
          require(seen.ended === "no" &&
            event.attempt === seen.attempts, `${taskId}#${event.attempt} ended twice`);
          this.#end(seen, "otherwise");
        }
        return this.#close(seen, taskId, this.#isAllowedToFail(taskId) ? "done" : "failed");
      case "task.skipped":
        require(this.#seen(event.reason.taskId).state ===
          "failed", `${taskId} skipped because of one that did not fail`);
        return this.#close(seen, taskId, "skipped");
      case "task.cancelled":
        if (seen.attempts > 0 && seen.ended === "no") this.#end(seen, "otherwise");
        return this.#close(seen, taskId, "cancelled");
    }
  }

  #end(seen: Seen, how: Seen["ended"]): void {
    if (seen.ended === "no") this.#run(-1);
    seen.ended = how;
  }

  #close(seen: Seen, taskId: string, state: Seen["state"]): void {
    require(seen.state === "open", `${taskId} is ${seen.state} and becomes ${state}`);
    seen.state = state;
  }

  #run(change: number): void {
    this.#running += change;
    require(this.#running <=
      this.#definition.workflow.maxParallelTasks, "more attempts at once than allowed");
  }

  /** What is not done is done again, and `from` with all after it. */
  #retry(from: string | undefined): void {
    require(this.#running === 0, "retried while attempts run");
    const again = new Set(from === undefined ? [] : [from]);
    for (const { id, dependencies } of this.#definition.workflow.tasks) {
      if (this.#seen(id).state !== "done" || dependencies.some((one) => again.has(one))) again.add(id);
    }
    for (const id of again) Object.assign(this.#seen(id), { state: "open", tries: 0, losses: 0 });
  }

  #checkEnd(type: RunEvent["type"]): void {
    require(this.#running === 0, "the run ended while attempts run");
    if (type !== "run.completed") return;
    for (const [id, seen] of this.#tasks)
      require(seen.state === "done", `completed with ${id} ${seen.state}`);
  }

  #requireDependencies(taskId: string): void {
    for (const id of this.#spec(taskId).dependencies) {
      require(this.#seen(id).state === "done", `${taskId} starts before ${id} is done`);
    }
  }

  #attemptMax(taskId: string): number {
    return this.#spec(taskId).retry?.maxAttempts ?? 3;
  }

  #isAllowedToFail(taskId: string): boolean {
    return this.#spec(taskId).allowFailure;
  }

  #spec(taskId: string) {
    const spec = this.#definition.workflow.tasks.find((task) => task.id === taskId);
    if (spec === undefined) throw new Error(`no task ${taskId}`);
    return spec;
  }

  #seen(taskId: string): Seen {
    const seen = this.#tasks.get(taskId);
    if (seen === undefined) throw new Error(`no task ${taskId}`);
    return seen;
  }
}

function fresh(): Seen {
  return { attempts: 0, ended: "no", tries: 0, losses: 0, state: "open", calls: 0 };
}

/** The run's counters must be what counting gives. */
function recount(run: Run): void {
  const tasks = [...run.tasks.values()];
  const isOpen = ({ state }: Task) => ["waiting", "queued", "running", "retrying"].includes(state.status);
  const open = tasks.filter(isOpen).length;
  require(open === run.unfinished, `${open} tasks are open, the run counts ${run.unfinished}`);
  const running = tasks.filter(({ state }) => state.status === "running").length;
  require(running === run.running, `${running} tasks run, the run counts ${run.running}`);
}

function require(holds: boolean, what: string): void {
  if (!holds) throw new Error(`broken: ${what}`);
}
