/** What a session gets to do: calls it may make at once, and offers it must find a slot for first. */
import { makeTaskError, type TaskError } from "../contract/error.ts";
import { encodeJson } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { type Need, needOf } from "../contract/protocol.ts";
import { attemptKey, type Begun, type Room, type Work } from "../contract/sync.ts";
import { budgetOf, instancesToAvoid, isOpenFor, nextAttempt, offer } from "./offers.ts";
import { resolveParams } from "./outputs.ts";
import { enqueue, takeNext } from "./ready.ts";
import { isRunning, lastAttempt, type Run, type Session, type Task, taskOf } from "./run.ts";
import { fail } from "./settle.ts";
import { emit, type Turn } from "./turn.ts";

type Call = Extract<Work, { kind: "call" }>;

/** Work for one answer, which has a size of its own. */
export type Tray = { readonly work: Work[]; bytes: number };

export const makeTray = (): Tray => ({ work: [], bytes: 0 });

/** The session has a slot for what it was offered: the attempt begins, and is recorded before the call is made. */
export function beginOffered(turn: Turn, begun: Begun, session: string, tray: Tray): void {
  const { run } = turn;
  const task = run.tasks.get(begun.taskId);
  if (task === undefined || !isRunning(run) || !isOpenFor(run, task, begun, session)) return;
  const isForgotten = !run.live.offers.has(begun.taskId);
  if (isForgotten && budgetOf(run) < 1) return;
  const prepared = prepare(turn, task);
  if ("error" in prepared) return fail(turn, task, prepared.error, undefined);
  if (!fits(tray, prepared.params)) return;
  start(turn, task, session, begun.instance);
  addCall(tray, run, task, prepared.params);
}

/** Hands out ready tasks, the most urgent first, as far as the session has room and the run lets tasks out. */
export function handOut(turn: Turn, session: string, room: Room, tray: Tray): void {
  const { run } = turn;
  const left = roomLeft(run, room, tray);
  while (isRunning(run) && budgetOf(run) > 0) {
    const plan = takeNext(run.live.ready, { calls: left.calls > 0, instant: left.instant > 0 });
    if (plan === undefined) return;
    const task = taskOf(run, plan.spec.id);
    const prepared = prepare(turn, task);
    if ("error" in prepared) {
      fail(turn, task, prepared.error, undefined);
      continue;
    }
    if (prepared.need === undefined && !fits(tray, prepared.params)) return enqueue(run.live.ready, plan);
    if (plan.lane === undefined) left.instant--;
    else left.calls--;
    give(turn, task, session, prepared, tray);
  }
}

/** What is given again takes room as it did before. An attempt that began had its room as an offer. */
function roomLeft(run: Run, { calls, instant }: Room, { work }: Tray): Room {
  const again = work.filter(
    ({ kind, taskId }) => kind === "call" && taskOf(run, taskId).plan.lane === undefined,
  );
  const offers = work.filter(({ kind }) => kind === "offer");
  return { calls: calls - offers.length, instant: instant - again.length };
}

/** What the session was given and neither has nor has ended: its answer got lost on the way. */
export function handOutAgain(turn: Turn, session: Session, has: ReadonlySet<string>, tray: Tray): void {
  const given = new Set(tray.work.map(attemptKey));
  for (const id of session.attempts) {
    const task = taskOf(turn.run, id);
    const key = attemptKey({ taskId: id, attempt: lastAttempt(task)?.number ?? 0 });
    if (has.has(key) || given.has(key)) continue;
    const prepared = prepare(turn, task);
    if ("params" in prepared && fits(tray, prepared.params)) addCall(tray, turn.run, task, prepared.params);
  }
  // A paused run takes its offers back.
  for (const id of isRunning(turn.run) ? session.offers : []) {
    const task = taskOf(turn.run, id);
    const key = attemptKey({ taskId: id, attempt: nextAttempt(task) });
    const prepared = has.has(key) || given.has(key) ? undefined : prepare(turn, task);
    if (prepared !== undefined && "need" in prepared) addOffer(tray, task, prepared.need);
  }
}

type Payload = { params: Uint8Array; need: Need | undefined };
type Prepared = Payload | { error: TaskError };

function prepare(turn: Turn, task: Task): Prepared {
  const resolved = resolveParams(turn.run, task, turn.read);
  if ("error" in resolved) return resolved;
  const params = encodeJson(resolved.params);
  const need = needOf(task.plan.spec, resolved.params);
  if (params.byteLength <= LIMITS.paramsBytes) return { params, need };
  const message = `the params are ${params.byteLength} bytes after substitution, at most ${LIMITS.paramsBytes} are possible`;
  return { error: makeTaskError("params_too_large", message) };
}

/** What a reference stands for may be a built-in tool: such a task waits in a lane, and then needs no slot. */
function give(turn: Turn, task: Task, session: string, { params, need }: Payload, tray: Tray): void {
  if (need === undefined) {
    start(turn, task, session, undefined);
    return addCall(tray, turn.run, task, params);
  }
  offer(turn.run, task, session, turn.now);
  addOffer(tray, task, need);
}

function start(turn: Turn, task: Task, session: string, instance: string | undefined): void {
  emit(turn, {
    type: "task.started",
    taskId: task.plan.spec.id,
    attempt: nextAttempt(task),
    session,
    ...(instance === undefined ? {} : { instance }),
  });
}

/** The first call of an answer always fits: params have a limit of their own below the answer's. */
function fits(tray: Tray, params: Uint8Array): boolean {
  return tray.work.length === 0 || tray.bytes + params.byteLength <= LIMITS.syncBytes;
}

function addCall(tray: Tray, run: Run, task: Task, params: Uint8Array): void {
  const { spec, timeoutMs } = task.plan;
  const { number: attempt, instance } = lastAttempt(task) ?? { number: 0, instance: undefined };
  const { methods } = run.definition;
  const method = Object.hasOwn(methods, spec.method) ? methods[spec.method] : undefined;
  const call: Call = {
    kind: "call",
    taskId: spec.id,
    attempt,
    protocol: spec.protocol,
    method: spec.method,
    params,
    timeoutMs,
    ...(instance === undefined ? {} : { instance }),
    ...(method === undefined ? {} : { spec: method }),
    ...(task.plan.retry.maxAttempts === 1 ? { isOnce: true } : {}),
    idempotencyKey: `${run.definition.id}:${spec.id}:${task.triesEver + 1}`,
  };
  tray.work.push(call);
  tray.bytes += params.byteLength;
}

function addOffer(tray: Tray, task: Task, need: Need | undefined): void {
  const { spec, lane } = task.plan;
  if (need === undefined || lane === undefined) return;
  const { id: taskId, priority } = spec;
  const avoid = instancesToAvoid(task);
  tray.work.push({ kind: "offer", taskId, attempt: nextAttempt(task), need, lane, priority, avoid });
}
