/** A run without its object: journal and results in memory, and a clock that is moved by hand. */
import type { Command } from "../../src/contract/command.ts";
import type { RunEvent } from "../../src/contract/event.ts";
import { makeRunId } from "../../src/contract/id.ts";
import { decodeJson, type Json } from "../../src/contract/json.ts";
import { apply } from "../../src/engine/apply.ts";
import { type Decision, decide } from "../../src/engine/decide.ts";
import { type KeptLeases, leasesToKeep, restoreLeases } from "../../src/engine/lease.ts";
import { type Definition, makeRun, type Run, taskOf } from "../../src/engine/run.ts";
import { makeWorkflow, type Shape } from "./shape.ts";

export const START = Date.UTC(2025, 0, 1);

export type Entry = { at: number; event: RunEvent };

export type Setting = Shape &
  Partial<Pick<Definition, "id">> & {
    given?: Definition["inputs"];
    methodDefaults?: Definition["methodDefaults"];
    methods?: Definition["methods"];
  };

export class Drive {
  readonly definition: Definition;
  readonly journal: Entry[] = [];
  run: Run;
  now = START;
  readonly #results = new Map<string, Uint8Array>();
  #leases: KeptLeases = {};

  /** A run that waits to be started, of a workflow written as in shape.ts. */
  constructor(notation: string, setting: Setting = {}) {
    const { id = idOf(1), given = {}, methodDefaults = {}, methods = {}, ...shape } = setting;
    const workflow = makeWorkflow(notation, shape);
    this.definition = { id, workflow, inputs: given, createdAt: START, methodDefaults, methods };
    this.run = makeRun(this.definition);
  }

  /** Decides a command and keeps what the run's object would. */
  tell(command: Command): Decision {
    const decision = decide(this.run, command, { now: this.now, read: this.read });
    for (const event of decision.events) {
      this.journal.push({ at: this.now, event });
      if (event.type === "task.completed") this.#keep(event, decision.results);
    }
    this.#leases = leasesToKeep(this.run);
    return decision;
  }

  start(): this {
    this.tell({ type: "start", actor: "local" });
    return this;
  }

  /** Time passes, and the alarm rings. */
  wait(ms: number): Decision {
    this.now += ms;
    return this.tell({ type: "wake" });
  }

  /** The object leaves memory and is loaded again. */
  evict(): void {
    this.run = this.fold();
    restoreLeases(this.run, this.#leases, this.now);
  }

  /** The run as its journal tells it. */
  fold(): Run {
    const run = makeRun(this.definition);
    for (const { at, event } of this.journal) apply(run, event, at);
    return run;
  }

  readonly read = (taskId: string, attempt: number): Json => {
    const bytes = this.#results.get(`${taskId}#${attempt}`);
    if (bytes === undefined) throw new Error(`no result is stored of task "${taskId}", attempt ${attempt}`);
    return decodeJson(bytes);
  };

  statusOf(id: string): string {
    return taskOf(this.run, id).state.status;
  }

  /** All events so far, in words. */
  get log(): string[] {
    return this.journal.map(({ event }) => tell(event));
  }

  #keep({ taskId, attempt }: { taskId: string; attempt: number }, results: Decision["results"]): void {
    const bytes = results.get(taskId);
    if (bytes === undefined) throw new Error(`task "${taskId}" completed without a result`);
    this.#results.set(`${taskId}#${attempt}`, bytes);
  }
}

export const started = (notation: string, setting?: Setting): Drive => new Drive(notation, setting).start();

/** A run's id for a small number. */
export const idOf = (number: number): string =>
  makeRunId(START, Uint8Array.of(number >>> 8, number & 255, 3));

/** An event in words: "run started", "a queued", "a started #1", "a retrying #1 (lost)". */
function tell(event: RunEvent): string {
  const [, what = ""] = event.type.split(".");
  if (!("taskId" in event)) return `run ${what}`;
  const attempt = "attempt" in event && event.attempt !== undefined ? ` #${event.attempt}` : "";
  return `${event.taskId} ${what}${attempt}${event.type === "task.retrying" ? ` (${event.outcome})` : ""}`;
}

export const told = (decision: Pick<Decision, "events">): string[] => decision.events.map(tell);
