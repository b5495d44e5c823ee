/**
 * What our objects ask of each other, and how they are reached. Written down, since inferring the types of RPC from
 * the classes recurses without end through JSON; the classes declare that they implement these.
 */

import type { ErrorCode } from "./contract/error.ts";
import type { JournalEntry, TokenEvent } from "./contract/event.ts";
import { objectNameOf, type RunId } from "./contract/id.ts";
import type { RunStatus } from "./contract/run.ts";
import type { Acquire, Grant, Push, SyncAnswer, SyncRequest } from "./contract/sync.ts";
import type { Env } from "./env.ts";

type Eventually<Value> = Value | Promise<Value>;

/** An error that crosses RPC as data: a thrown one would lose its code on the way. See run/reply.ts. */
export type Reply<Value> = { ok: true; value: Value } | { ok: false; code: ErrorCode; message: string };

/** A run's JSON, and whether it has ended: 200 or 202. */
export type View = { status: RunStatus; body: Uint8Array };

/** `replayed`: the same request had started it before. */
export type Started = { id: RunId; replayed: boolean; view: View };

export type Steering =
  | { type: "cancel" | "pause" | "resume"; actor: string }
  | { type: "retry"; actor: string; from?: string };

/** JSON in UTF-8, both: RPC counts two bytes for each character of a text with one that is not Latin. */
export type Projected = { revision: number; summary: Uint8Array; document: Uint8Array };

export type RunRpc = {
  /**
   * Starts the run, or finds that it was started by the same request. `definition`: see run/definition.ts. Shows the
   * run too, at once or when it has ended, at most `waitMs` later: a start is one exchange.
   */
  start(definition: Uint8Array, waitMs?: number): Eventually<Reply<Started>>;
  /** What an executor's session says, and what it gets to do. */
  sync(request: SyncRequest): Eventually<SyncAnswer>;
  /** Text of running calls, for those who follow. */
  tokens(batch: TokenEvent[]): Eventually<void>;
  /** The hub has a slot. Tells whether the run has anything left for it. */
  slot(lane: string): Eventually<boolean>;
  steer(id: RunId, command: Steering): Eventually<Reply<View>>;
  /** The run, at once or when it has ended, at most `waitMs` later. */
  view(id: RunId, waitMs?: number): Eventually<Reply<View>>;
  task(id: RunId, taskId: string): Eventually<Reply<Uint8Array>>;
  workflow(id: RunId): Eventually<Reply<Uint8Array>>;
  /** `{taskId: result}` of completed tasks, read one by one while it is sent. */
  results(id: RunId): Eventually<Reply<ReadableStream<Uint8Array>>>;
  /** A page of the journal. */
  journal(id: RunId, afterSeq: number, limit: number): Eventually<Reply<JournalEntry[]>>;
  /** The journal and what happens next, as server-sent events. */
  follow(id: RunId, afterSeq: number): Eventually<Reply<ReadableStream<Uint8Array>>>;
  /** What history is to keep of the run. */
  project(): Eventually<Projected | undefined>;
  /** History has this revision. */
  projected(revision: number): Eventually<void>;
};

export type ExecutorRpc = {
  /** Takes an invitation; answered at once, the work goes on behind. */
  go(runId: RunId): Eventually<"taken" | "full">;
  /** What a run has to say at once. */
  push(push: Push): Eventually<void>;
};

export type HubRpc = {
  /** A slot for each question, or that there is none now. */
  acquire(asked: Acquire[]): Eventually<Grant[]>;
  renew(tokens: string[]): Eventually<void>;
  release(tokens: string[]): Eventually<void>;
};

type Stub<Rpc> = {
  [Method in keyof Rpc]: Rpc[Method] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

export function runStub(env: Env, id: RunId): Stub<RunRpc> {
  return env.RUNS.getByName(objectNameOf(id)) as unknown as Stub<RunRpc>;
}

export function executorStub(env: Env, name: string): Stub<ExecutorRpc> {
  return env.EXECUTORS.getByName(name) as unknown as Stub<ExecutorRpc>;
}

/** The hub of a protocol. */
export function hubStub(env: Env, protocol: string): Stub<HubRpc> {
  return env.HUBS.getByName(protocol) as unknown as Stub<HubRpc>;
}
