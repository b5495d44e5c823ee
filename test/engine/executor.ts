/** An executor's session played by hand: it remembers what it was given and says so, unless a test says otherwise. */
import { type ErrorCode, makeTaskError, type TaskError } from "../../src/contract/error.ts";
import { decodeJson, encodeJson, type Json } from "../../src/contract/json.ts";
import type { AttemptRef, Ended, Outcome, SyncAnswer, SyncRequest, Work } from "../../src/contract/sync.ts";
import type { Decision } from "../../src/engine/decide.ts";
import type { Drive } from "./drive.ts";

type Completed = Extract<Outcome, { kind: "completed" }>;
type Failed = Extract<Outcome, { kind: "failed" }>;
type Returned = Extract<Outcome, { kind: "returned" }>;
type Call = Extract<Work, { kind: "call" }>;

export class Executor {
  readonly #drive: Drive;
  readonly name: string;
  /** By task: what it was given and has not ended. */
  readonly held = new Map<string, Work>();
  #request: SyncRequest | undefined;

  constructor(drive: Drive, name = "ada") {
    this.#drive = drive;
    this.name = name;
  }

  /** Speaks and hears the answer. */
  sync(say: Partial<SyncRequest> = {}): SyncAnswer {
    return this.#hear(this.say(say));
  }

  /** Speaks; the answer gets lost. */
  say(say: Partial<SyncRequest> = {}): Decision {
    const spoken = new Set([...(say.ended ?? []), ...(say.begun ?? [])].map(({ taskId }) => taskId));
    const holding = [...this.held.values()].filter(({ taskId }) => !spoken.has(taskId)).map(refOf);
    const seq = (this.#request?.seq ?? 0) + 1;
    const said = { ended: [], begun: [], room: { calls: 6, instant: 48 }, invitations: 0, ...say };
    const request = { session: this.name, seq, holding, ...said };
    this.#request = request;
    for (const { taskId } of request.ended) this.held.delete(taskId);
    return this.#drive.tell({ type: "sync", request });
  }

  get hasSpoken(): boolean {
    return this.#request !== undefined;
  }

  /** Says the same again, as after a lost answer. */
  repeat(): SyncAnswer {
    if (this.#request === undefined) throw new Error(`${this.name} has said nothing yet`);
    return this.#hear(this.#drive.tell({ type: "sync", request: this.#request }));
  }

  complete(id: string, result: Json = `result of ${id}`, more: Partial<Completed> = {}): SyncAnswer {
    return this.sync({ ended: [this.ended(id, { ...completed(result), ...more })] });
  }

  failWith(id: string, code: ErrorCode, more: Partial<Failed> = {}): SyncAnswer {
    return this.sync({ ended: [this.ended(id, { ...failed(code), ...more })] });
  }

  giveBack(id: string, reason: Returned["reason"] = "no_slot", more: Partial<Returned> = {}): SyncAnswer {
    return this.sync({ ended: [this.ended(id, { kind: "returned", reason, ...more })] });
  }

  /** The hub gave it slots for these. */
  begin(...ids: string[]): SyncAnswer {
    return this.sync({ begun: ids.map((id) => ({ ...this.ref(id), instance: "spark" })) });
  }

  ended(id: string, outcome: Outcome): Ended {
    return { ...this.ref(id), outcome };
  }

  ref(id: string): AttemptRef {
    const work = this.held.get(id);
    if (work === undefined) throw new Error(`${this.name} does not hold task "${id}"`);
    return refOf(work);
  }

  call(id: string): Call {
    const work = this.held.get(id);
    if (work?.kind !== "call") throw new Error(`${this.name} has no call of task "${id}"`);
    return work;
  }

  params(id: string): Json {
    return decodeJson(this.call(id).params);
  }

  #hear({ answer }: Decision): SyncAnswer {
    if (answer === undefined) throw new Error("a sync has no answer");
    for (const work of answer.work) this.held.set(work.taskId, work);
    for (const { taskId } of answer.drop) this.held.delete(taskId);
    return answer;
  }
}

export const completed = (result: Json): Completed => ({ kind: "completed", result: encodeJson(result) });
export const failed = (code: ErrorCode): Failed => ({ kind: "failed", error: errorOf(code) });
const errorOf = (code: ErrorCode): TaskError => makeTaskError(code, `it was ${code}`);

/** The tasks of an answer's work, in order: "a" for a call, "a?" for an offer. */
export function given({ work }: SyncAnswer): string[] {
  return work.map(({ kind, taskId }) => (kind === "offer" ? `${taskId}?` : taskId));
}

const refOf = ({ taskId, attempt }: AttemptRef): AttemptRef => ({ taskId, attempt });
