/**
 * A run in memory. Everything but `live` is folded from events by apply.ts; `live` need not survive: after a load it
 * is built again from nothing, and the protocol with the executors (contract/sync.ts) puts right what was forgotten.
 */
import type { TaskError } from "../contract/error.ts";
import type { EventOf, Tried, Usage } from "../contract/event.ts";
import { type RunId, shareOf } from "../contract/id.ts";
import type { JsonObject } from "../contract/json.ts";
import { TIMING } from "../contract/limits.ts";
import type { ProtocolMethod } from "../contract/protocol.ts";
import type { Workflow } from "../contract/workflow.ts";
import { findTask } from "../spec/task-names.ts";
import { type Heap, makeHeap } from "./heap.ts";
import { type MethodDefaults, makePlan, type TaskPlan } from "./plan.ts";
import { makeReady, type Ready } from "./ready.ts";

/** What a run is asked to do: it never changes. Times are ms since 1970. */
export type Definition = {
  readonly id: RunId;
  readonly workflow: Workflow;
  readonly inputs: JsonObject;
  readonly createdAt: number;
  readonly methodDefaults: Readonly<Record<string, MethodDefaults>>;
  /** By full name, those of protocols that somebody registered: what they were when the run was started. */
  readonly methods: Readonly<Record<string, ProtocolMethod>>;
};

export type RunState =
  | { status: "pending" }
  | { status: "running" }
  | { status: "paused"; since: number }
  | { status: "completed"; at: number }
  | { status: "failed"; at: number; error: TaskError }
  | { status: "cancelled"; at: number };

export type TaskState =
  | { status: "waiting"; blockers: number }
  | { status: "queued" }
  | { status: "running" }
  | { status: "retrying"; since: number; dueAt: number; error: TaskError }
  | { status: "completed"; attempt: number; at: number }
  | { status: "failed"; error: TaskError; at: number }
  | { status: "skipped"; reason: EventOf<"task.skipped">["reason"]; at: number }
  | { status: "cancelled"; at: number };

export type AttemptEnd =
  | { status: "completed"; at: number; bytes: number; usage: Usage | undefined }
  | { status: "failed" | "lost" | "returned"; at: number; error: TaskError }
  | { status: "cancelled"; at: number };

export type Attempt = {
  readonly number: number;
  readonly session: string;
  readonly startedAt: number;
  instance: string | undefined;
  /** Where it failed before it went to `instance`. */
  tried: Tried[];
  end: AttemptEnd | undefined;
};

export type Task = {
  readonly plan: TaskPlan;
  state: TaskState;
  /** In order; the number of an attempt is its place, counted from 1. Only the last can be without an end. */
  readonly attempts: Attempt[];
  /** Attempts that count: of this generation (the retry budget), and of all (the provider's idempotency key). */
  tries: number;
  triesEver: number;
  /** Lost attempts in a row. */
  losses: number;
};

/** What one executor's session has of this run. It is remembered for a lease, so that what it said late is known. */
export type Session = {
  seq: number;
  seenAt: number;
  /** It has spoken since the object was loaded. */
  isHeard: boolean;
  readonly attempts: Set<string>;
  readonly offers: Set<string>;
};

type Due = { at: number; taskId: string; attempt: number };

export type Live = {
  readonly ready: Ready;
  readonly sessions: Map<string, Session>;
  /** Offered tasks, and the session that asks the hub for a slot for each. */
  readonly offers: Map<string, string>;
  readonly retries: Heap<Due>;
  readonly deadlines: Heap<Due>;
  /** Invitations on their way, and how long the run waits before it sends them again. */
  readonly invitations: { outstanding: number; sentAt: number; patienceMs: number };
  /** Somebody wants tokens. */
  followed: boolean;
};

export type Run = {
  readonly definition: Definition;
  readonly tasks: ReadonlyMap<string, Task>;
  /** A task's id by its id or name. */
  readonly find: (idOrName: string) => string | undefined;
  state: RunState;
  generation: number;
  /** Events so far. */
  seq: number;
  startedAt: number | undefined;
  /** The timeout's clock: when this generation began, and how long it was paused. */
  clock: { startedAt: number; pausedMs: number };
  /** Tasks without a final state, and live attempts. */
  unfinished: number;
  running: number;
  readonly live: Live;
  /** The run's own lease, a little different from every other's. */
  readonly leaseMs: number;
};

export function makeRun(definition: Definition): Run {
  const { workflow } = definition;
  const tasks = new Map<string, Task>();
  for (const [id, plan] of makePlan(workflow, definition.methodDefaults)) tasks.set(id, makeTask(plan));
  return {
    definition,
    tasks,
    find: findTask(workflow),
    state: { status: "pending" },
    generation: 1,
    seq: 0,
    startedAt: undefined,
    clock: { startedAt: definition.createdAt, pausedMs: 0 },
    unfinished: tasks.size,
    running: 0,
    live: makeLive(),
    leaseMs: TIMING.leaseMs * (1 + TIMING.spread * shareOf(definition.id)),
  };
}

/** The task of that id; an id that is not the run's is a fault of ours, not of the caller. */
export function taskOf(run: Run, id: string): Task {
  const task = run.tasks.get(id);
  if (task === undefined) throw new Error(`run ${run.definition.id} has no task "${id}"`);
  return task;
}

/** Done: what depends on it may start. */
export function isDone(task: Task): boolean {
  const { status } = task.state;
  return status === "completed" || (status === "failed" && task.plan.spec.allowFailure);
}

/** Final: nothing will happen to it in this generation. */
export function isFinal(task: Task): boolean {
  const { status } = task.state;
  return status === "completed" || status === "failed" || status === "skipped" || status === "cancelled";
}

/** Being worked on: neither over nor standing still. */
export const isRunning = (run: Run): boolean => run.state.status === "running";
export const isActive = (run: Run): boolean => isRunning(run) || run.state.status === "paused";

export const lastAttempt = (task: Task): Attempt | undefined => task.attempts.at(-1);

/** The session's record, made where this is the first that is heard of it. */
export function sessionOf(run: Run, name: string, now: number): Session {
  const known = run.live.sessions.get(name);
  if (known !== undefined) return known;
  const session: Session = { seq: 0, seenAt: now, isHeard: false, attempts: new Set(), offers: new Set() };
  run.live.sessions.set(name, session);
  return session;
}

function makeTask(plan: TaskPlan): Task {
  return {
    plan,
    state: { status: "waiting", blockers: plan.spec.dependencies.length },
    attempts: [],
    tries: 0,
    triesEver: 0,
    losses: 0,
  };
}

function makeLive(): Live {
  const isEarlier = (a: Due, b: Due) => a.at < b.at;
  return {
    ready: makeReady(),
    sessions: new Map(),
    offers: new Map(),
    retries: makeHeap(isEarlier),
    deadlines: makeHeap(isEarlier),
    invitations: { outstanding: 0, sentAt: 0, patienceMs: TIMING.patienceMs },
    followed: false,
  };
}
