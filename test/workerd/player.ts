/** An executor's session played by hand, over the real RPC of a real run object. */
import { onTestFinished, vi } from "vitest";
import { type ErrorCode, makeTaskError } from "../../src/contract/error.ts";
import type { LiveEvent } from "../../src/contract/event.ts";
import type { RunId } from "../../src/contract/id.ts";
import { encodeJson, type Json } from "../../src/contract/json.ts";
import type { AttemptRef, Outcome, Push, SyncAnswer, SyncRequest, Work } from "../../src/contract/sync.ts";
import type { WorkflowTask } from "../../src/contract/workflow.ts";
import { ExecutorObject } from "../../src/dispatch/executor-object.ts";
import type { Progress } from "../../src/providers/provider.ts";
import { runStub } from "../../src/stubs.ts";
import { bindings, echo } from "./start.ts";

/** The pool takes invitations and leaves the work to the test; `pushes` is what runs have said to it. */
export function muteExecutors(): { pushes: Push[] } {
  const pushes: Push[] = [];
  const go = vi.spyOn(ExecutorObject.prototype, "go").mockReturnValue("taken");
  const push = vi.spyOn(ExecutorObject.prototype, "push").mockImplementation((said) => {
    pushes.push(said);
    return true;
  });
  onTestFinished(() => {
    go.mockRestore();
    push.mockRestore();
  });
  return { pushes };
}

/** A task that needs a slot of a hub. */
export function chat(id: string, dependencies: string[] = [], more: Partial<WorkflowTask> = {}) {
  return echo(id, dependencies, { method: "llm/chat", protocol: "llm/v1", params: { prompt: id }, ...more });
}

export class Player {
  readonly #runId: RunId;
  readonly name: string;
  /** By task: what it was given and has not ended. */
  readonly held = new Map<string, Work>();
  #seq = 0;

  constructor(runId: RunId, name = "executor-0.ada") {
    this.#runId = runId;
    this.name = name;
  }

  async sync(say: Partial<SyncRequest> = {}): Promise<SyncAnswer> {
    const spoken = [...(say.ended ?? []), ...(say.begun ?? [])].map(({ taskId }) => taskId);
    const holding = [...this.held.values()].filter(({ taskId }) => !spoken.includes(taskId)).map(refOf);
    const said = { ended: [], begun: [], room: { calls: 6, instant: 48 }, invitations: 1, ...say };
    const answer = await runStub(bindings, this.#runId).sync({
      session: this.name,
      seq: ++this.#seq,
      holding,
      ...said,
    });
    for (const { taskId } of said.ended) this.held.delete(taskId);
    for (const work of answer.work) this.held.set(work.taskId, work);
    for (const { taskId } of answer.drop) this.held.delete(taskId);
    return answer;
  }

  /** The hub gave it slots for these. */
  begin(...ids: string[]): Promise<SyncAnswer> {
    return this.sync({ begun: ids.map((id) => ({ ...this.ref(id), instance: "spark" })) });
  }

  complete(id: string, result: Json = `result of ${id}`): Promise<SyncAnswer> {
    return this.#end(id, { kind: "completed", result: encodeJson(result) });
  }

  fail(id: string, code: ErrorCode): Promise<SyncAnswer> {
    return this.#end(id, { kind: "failed", error: makeTaskError(code, `it was ${code}`) });
  }

  /** Text of a call it carries out, the first of the attempt or a later one. */
  say(id: string, offset: number, text: string, call = 1): Promise<void> {
    return this.tell([{ type: "task.token", ...this.ref(id), call, offset, text }]);
  }

  /** How far a call is that it carries out. */
  report(id: string, progress: Progress): Promise<void> {
    return this.tell([{ type: "task.progress", ...this.ref(id), ...progress }]);
  }

  async tell(batch: LiveEvent[]): Promise<void> {
    await runStub(bindings, this.#runId).tokens(batch);
  }

  ref(id: string): AttemptRef {
    const work = this.held.get(id);
    if (work === undefined) throw new Error(`${this.name} does not hold task "${id}"`);
    return refOf(work);
  }

  #end(id: string, outcome: Outcome): Promise<SyncAnswer> {
    return this.sync({ ended: [{ ...this.ref(id), outcome }] });
  }
}

const refOf = ({ taskId, attempt }: AttemptRef): AttemptRef => ({ taskId, attempt });
