/**
 * The one exchange between an executor and a run, and the call between a hub and an executor.
 * These travel by RPC between our own objects, so they are types; bytes are JSON in UTF-8.
 */
import type { ErrorCode, TaskError } from "./error.ts";
import type { Tried, Usage } from "./event.ts";
import type { Need, ProtocolMethod } from "./protocol.ts";
import type { Priority } from "./workflow.ts";

/** The name of one attempt of one task of the run that is spoken with. */
export type AttemptRef = { taskId: string; attempt: number };

/** One text for one attempt of a run. */
export const attemptKey = ({ taskId, attempt }: AttemptRef): string => `${taskId}#${attempt}`;

/** How an attempt ended, or an offer that never became one. */
export type Outcome =
  | { kind: "completed"; result: Uint8Array; usage?: Usage; instance?: string; tried?: Tried[] }
  | {
      kind: "failed";
      error: TaskError;
      retryAfterMs?: number;
      instance?: string;
      tried?: Tried[];
    }
  /**
   * Given back undone. `parked`: the hub has no free slot and will invite the run. `no_slot`: the slot was lost on the
   * way, or those that were `tried` failed and all others are busy.
   */
  | { kind: "returned"; reason: "parked" | "no_slot"; tried?: Tried[] };

export type Ended = AttemptRef & { outcome: Outcome };
export type Begun = AttemptRef & { instance: string };

/** How much more an executor takes: calls wait for headers, instant tasks need no provider. */
export type Room = { calls: number; instant: number };

/**
 * What an executor says, at most one at a time for each session, repeated until answered. `seq` counts from 1;
 * `begun` are offers it has a slot for, `holding` is all else that it has and has not ended, offers included: what is in
 * neither is given again. `invitations` were received since the last sync.
 */
export type SyncRequest = {
  session: string;
  seq: number;
  ended: Ended[];
  begun: Begun[];
  holding: AttemptRef[];
  room: Room;
  invitations: number;
};

/** An offer becomes an attempt when the executor has a slot and says `begun`; a call is an attempt that is recorded. */
export type Work =
  | (AttemptRef & {
      kind: "offer";
      need: Need;
      lane: string;
      priority: Priority;
      /** Instances at which the task failed last. */
      avoid: string[];
    })
  | (AttemptRef & {
      kind: "call";
      protocol: string;
      method: string;
      params: Uint8Array;
      timeoutMs: number;
      /** Where to; absent where the task needs no provider. */
      instance?: string;
      /** What the method is, of a protocol that is not always there. */
      spec?: ProtocolMethod;
      /** The file allows one try: what may have been begun is not made again. */
      isOnce?: boolean;
      /** The same for a try that is made again because its attempt was lost. */
      idempotencyKey: string;
    });

/**
 * `drop`: no longer wanted, abort it. `follow`: somebody wants tokens. `more`: there are ready tasks left that this
 * session had no room for; it speaks again when it has.
 */
export type SyncAnswer = { work: Work[]; drop: AttemptRef[]; follow: boolean; more: boolean };

/** What a run tells an executor at once, without waiting for its next sync. */
export type Push = { session: string; drop: AttemptRef[]; follow: boolean };

/** A queue message: this run has work. `slot` spreads the invitations of one run over the pool. */
export type Invitation = { runId: string; slot: number };

/** One question to a hub. `token` names the slot that is asked for, so that asking twice is asking once. */
export type Acquire = {
  token: string;
  runId: string;
  need: Need;
  /** What the run calls the need; it is invited under this name. */
  lane: string;
  priority: Priority;
  /** Instances to pass over, as long as there are others. */
  avoid: string[];
};

/** How to reach an instance. `sealedHeaders` are its secret headers, encrypted (src/providers/secret.ts). */
export type Instance = {
  id: string;
  kind: string;
  url: string;
  sealedHeaders?: string;
  /** A model that it lacks may be pulled. */
  allowPull?: boolean;
};

export type Grant =
  | { kind: "granted"; instance: Instance }
  | { kind: "parked" }
  | { kind: "refused"; error: TaskError; retryAfterMs?: number };

/** What a run says to a slot that is kept for it. `next`: it waits for more of them, and the most urgent task is so. */
export type SlotAnswer = { isWanted: boolean; next?: Priority };

/** A slot in use: what its executor says again and again. */
export type HeldSlot = { token: string; runId: string; instance: string };

/** How a call ended, for the hub: `unused` says nothing of the instance. */
export type CallEnd =
  | { kind: "answered"; latencyMs: number }
  | { kind: "failed"; code: ErrorCode; retryAfterMs?: number }
  | { kind: "unused" };
export type EndedSlot = HeldSlot & { end: CallEnd };
