/**
 * What our objects ask of each other, and how they are reached. Written down, since inferring the types of RPC from
 * the classes recurses without end through JSON; the classes declare that they implement these.
 */

import type { ErrorCode } from "./contract/error.ts";
import type { JournalEntry, LiveEvent } from "./contract/event.ts";
import { hash, objectNameOf, type RunId } from "./contract/id.ts";
import { CAPACITY } from "./contract/limits.ts";
import type { InstanceView, Strategy } from "./contract/provider.ts";
import type { RunStatus } from "./contract/run.ts";
import type {
  Acquire,
  EndedSlot,
  Grant,
  HeldSlot,
  Instance,
  Push,
  SlotAnswer,
  SyncAnswer,
  SyncRequest,
} from "./contract/sync.ts";
import type { Env } from "./env.ts";
import type { RunHistory } from "./history/run-history.ts";
import type { InstanceSpec, Look, LookReport } from "./providers/hub/spec.ts";
import { settingsOf } from "./settings.ts";

type Eventually<Value> = Value | Promise<Value>;

/** An error that crosses RPC as data: a thrown one would lose its code on the way. See reply.ts. */
export type Reply<Value> = { ok: true; value: Value } | { ok: false; code: ErrorCode; message: string };

/** A run's JSON, and whether it has ended: 200 or 202. */
export type View = { status: RunStatus; body: Uint8Array };

/** `replayed`: the same request had started it before. */
export type Started = { id: RunId; replayed: boolean; view: View };

export type Steering =
  | { type: "cancel" | "pause" | "resume"; actor: string }
  | { type: "retry"; actor: string; from?: string };

/** JSON in UTF-8, both: RPC counts two bytes for each character of a text with one that is not Latin. */
export type Projected = { revision: number; summary: Uint8Array; record: Uint8Array };

export type RunRpc = {
  /**
   * Starts the run, or finds that it was started by the same request. `definition`: see run/definition.ts. Shows the
   * run too, at once or when it has ended, at most `waitMs` later: a start is one exchange.
   */
  start(definition: Uint8Array, waitMs?: number): Eventually<Reply<Started>>;
  /** What an executor's session says, and what it gets to do. */
  sync(request: SyncRequest): Eventually<SyncAnswer>;
  /** Text of running calls, and how far they are, for those who follow. */
  tokens(batch: LiveEvent[]): Eventually<void>;
  /** The hub keeps a slot; or there is nothing to wait for any more, and the run asks again to hear why. */
  slot(lane: string, isKept: boolean): Eventually<SlotAnswer>;
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
  /** History has this revision. `isKept`: with its record, for good; the object need not keep it for as long. */
  projected(revision: number, isKept: boolean): Eventually<void>;
  /** Do what is due; from the sweep, to a run that may have missed its alarm. */
  wake(): Eventually<void>;
};

export type ExecutorRpc = {
  /** Takes an invitation; answered at once, the work goes on behind. */
  go(runId: RunId): Eventually<"taken" | "full">;
  /** What a run has to say at once; whether there is such a session. One that is not there never comes back. */
  push(push: Push): Eventually<boolean>;
  /** Looks at instances and addresses for a hub, which never waits for a provider, and reports to it. */
  look(look: Look): Eventually<void>;
};

export type HubRpc = {
  /** A slot for each question, or that there is none now. */
  acquire(asked: Acquire[]): Eventually<Grant[]>;
  /** The call failed at the slot's instance: a slot at another, `parked` where others are only busy, or `refused`. */
  exchange(ended: EndedSlot, asked: Acquire): Eventually<Grant>;
  renew(slots: HeldSlot[]): Eventually<void>;
  release(ended: EndedSlot[]): Eventually<void>;

  list(): Eventually<InstanceView[]>;
  /** How an instance is reached; undefined: there is none of that name. */
  find(id: string): Eventually<Instance | undefined>;
  put(spec: InstanceSpec, strategy?: Strategy): Eventually<Reply<InstanceView>>;
  /** False: there was none. One that a setting names is there as long as that does: `conflict`. */
  remove(id: string): Eventually<Reply<boolean>>;
  /** What a look found: from an executor, or from whoever looked himself. */
  looked(report: LookReport): Eventually<void>;
};

/** History as an object, by one of three names: see {@link historyStub}. Filters and cursors are checked before. */
export type HistoryRpc = {
  [Method in keyof RunHistory]: (
    ...args: Parameters<RunHistory[Method]>
  ) => Eventually<Awaited<ReturnType<RunHistory[Method]>>>;
} & {
  /** What waits for D1: how many runs, and since when (ms since 1970). */
  waiting(): Eventually<{ runs: number; since: number | undefined }>;
};

type Stub<Rpc> = {
  [Method in keyof Rpc]: Rpc[Method] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : never;
};

export function runStub(env: Env, id: RunId): Stub<RunRpc> {
  return stubOf<RunRpc>(env.RUNS, objectNameOf(id));
}

/** An executor of the pool by its number. Has no dot: a session is named executor, dot, something random. */
export const executorName = (env: Env, index: number): string =>
  `executor-${index % settingsOf(env).executors}`;

/**
 * Which executor an invitation goes to. Those that are up are paid for, whatever they carry: so first to one of the few
 * that take all there is while there is little, and where these are full anywhere.
 */
export function executorFor(env: Env, runId: RunId, slot: number, tries: number): string {
  const first = hash(runId) + slot + tries;
  return executorName(env, tries < CAPACITY.executorsFirst ? first % CAPACITY.executorsFirst : first);
}

/** Who looks for the hub of a protocol: an executor of its own, so that no look waits behind calls. */
export const lookerName = (protocol: string): string => `looker-${protocol}`;

export function executorStub(env: Env, name: string): Stub<ExecutorRpc> {
  return stubOf<ExecutorRpc>(env.EXECUTORS, name, placeOf(env));
}

/** The hub of a protocol. */
export function hubStub(env: Env, protocol: string): Stub<HubRpc> {
  return stubOf<HubRpc>(env.HUBS, protocol, placeOf(env));
}

/** `durable` and `memory` are backends of their own, `waiting` is what could not be written to D1 yet. */
export type HistoryName = "durable" | "memory" | "waiting";

export function historyStub(env: Env, name: HistoryName): Stub<HistoryRpc> {
  return stubOf<HistoryRpc>(env.HISTORIES, name);
}

/** The one place that says which class stands behind a binding: the platform's types do not know. */
function stubOf<Rpc>(objects: DurableObjectNamespace, name: string, place: Place = {}): Stub<Rpc> {
  return objects.getByName(name, place) as unknown as Stub<Rpc>;
}

type Place = DurableObjectNamespaceGetDurableObjectOptions;

/** Near the hosts they speak with, where a setting says so; it holds for objects that are not there yet. */
function placeOf(env: Env): Place {
  const { location } = settingsOf(env);
  return location === undefined ? {} : { locationHint: location };
}
