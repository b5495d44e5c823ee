/** Random workflows and what may happen to a run of one: honest executors, liars, lost answers, evictions, time. */
import fc from "fast-check";
import type { Ended, Outcome, SyncRequest } from "../../src/contract/sync.ts";
import { Drive } from "./drive.ts";
import { completed, Executor, failed } from "./executor.ts";
import { laneOf, llm, type TaskSettings } from "./shape.ts";

const ACTS = ["complete", "fail", "break", "refuse", "park", "close", "begin", "hold", "forget"] as const;
const NAMES = ["ada", "bob", "cyd"];
const TASKS = 7;

export type Act = (typeof ACTS)[number];
export type Step =
  | { kind: "speak"; who: number; acts: Act[]; room: SyncRequest["room"]; isHeard: boolean }
  | { kind: "repeat"; who: number }
  | { kind: "lie"; request: SyncRequest }
  | { kind: "pass"; ms: number }
  | { kind: "evict" }
  | { kind: "gone"; who: number }
  | { kind: "slot"; isKept: boolean }
  | { kind: "steer"; type: "pause" | "resume" | "cancel" }
  | { kind: "retry"; from: string | undefined };

export type World = { drive: Drive; executors: Executor[] };

const taskName = fc.integer({ min: 0, max: TASKS }).map((number) => `t${number}`);
const ref = fc.record({ taskId: taskName, attempt: fc.integer({ min: 1, max: 4 }) });
const few = fc.constantFrom(0, 1, 2, 4, 4, 4);
const room = fc.record({ calls: few, instant: few });
// Most of what happens is what should: else hardly a run would come to its end.
const act = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Act[]>("complete", "begin") },
  { weight: 2, arbitrary: fc.constantFrom(...ACTS) },
);
const who = fc.nat({ max: NAMES.length - 1 });
const settings: fc.Arbitrary<TaskSettings> = fc
  .record({
    lane: fc.constantFrom(undefined, "small", "big"),
    allowFailure: fc.boolean(),
    priority: fc.constantFrom("high", "normal"),
    maxAttempts: fc.integer({ min: 1, max: 3 }),
    baseDelay: fc.constantFrom(0, 1),
    timeout: fc.constantFrom(1, 60),
  })
  .map(({ lane, maxAttempts, baseDelay, ...rest }) => ({
    ...(lane === undefined ? {} : llm(lane)),
    retry: { maxAttempts, baseDelay },
    ...rest,
  }));

/** 1 to 7 tasks, each after some of those before it, some of which refer to what may not be there. */
export const plan = fc.record({
  tasks: fc.array(fc.record({ after: fc.array(fc.nat({ max: TASKS }), { maxLength: 3 }), settings }), {
    minLength: 1,
    maxLength: TASKS,
    size: "max",
  }),
  isReferring: fc.boolean(),
  onFailure: fc.constantFrom("skip_dependents", "fail_fast"),
  maxParallelTasks: fc.integer({ min: 1, max: 4 }),
  timeout: fc.constantFrom(60, 3600),
});
type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never;

/** A started run of such a workflow, and its executors. */
export function makeWorld({ tasks, isReferring, ...shape }: Plan): World {
  const before = tasks.map(({ after }, index) => [...new Set(after)].filter((other) => other < index));
  const notation = before.map((ids, index) => {
    return `t${index}${ids.length > 0 ? ":" : ""}${ids.map((id) => `t${id}`)}`;
  });
  const each = tasks.map(({ settings: own }, index): [string, TaskSettings] => {
    const [first] = before[index] ?? [];
    const isUsing = isReferring && first !== undefined;
    return [`t${index}`, isUsing ? { ...own, params: { ...own.params, x: `\${t${first}.n}` } } : own];
  });
  const drive = new Drive(notation.join(" "), { ...shape, tasks: Object.fromEntries(each) }).start();
  return { drive, executors: NAMES.map((name) => new Executor(drive, name)) };
}

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constant("speak"),
      who,
      acts: fc.array(act, { minLength: 1, maxLength: 4 }),
      room,
      isHeard: fc.constantFrom(true, true, true, false),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("repeat"), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("lie"), request: lie() }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("pass"), ms: fc.constantFrom(1, 1000, 6000, 31_000, 37_000) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("evict") }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("gone"), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("slot"), isKept: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("steer"),
      type: fc.constantFrom("pause", "resume", "resume", "cancel"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("retry"), from: fc.option(taskName, { nil: undefined }) }),
  },
);

export function perform({ drive, executors }: World, next: Step): void {
  switch (next.kind) {
    case "speak":
      return speak(executors[next.who], next);
    case "repeat":
      return void (executors[next.who]?.hasSpoken === true && executors[next.who]?.repeat());
    case "lie":
      return void drive.tell({ type: "sync", request: next.request });
    case "pass":
      return void drive.wait(next.ms);
    case "evict":
      return drive.evict();
    // Also of one that is there after all: it goes on to speak.
    case "gone":
      return void drive.tell({ type: "gone", session: NAMES[next.who] ?? "" });
    case "slot":
      return void drive.tell({ type: "slot", lane: laneOf(), isKept: next.isKept, waits: next.isKept });
    case "steer":
      return void drive.tell({ type: next.type, actor: "somebody" });
    case "retry":
      return void drive.tell({
        type: "retry",
        actor: "somebody",
        ...(next.from === undefined ? {} : { from: next.from }),
      });
    default:
      throw new Error(`unknown step ${JSON.stringify(next satisfies never)}`);
  }
}

/** What an executor does with each thing it has, by turns. */
function speak(
  executor: Executor | undefined,
  { acts, room: taken, isHeard }: Extract<Step, { kind: "speak" }>,
): void {
  if (executor === undefined) return;
  const ended: Ended[] = [];
  const begun: SyncRequest["begun"] = [];
  for (const [index, taskId] of [...executor.held.keys()].entries()) {
    const act = acts[index % acts.length] ?? "hold";
    const outcome = outcomeOf(act, index);
    if (act === "forget") executor.held.delete(taskId);
    else if (act === "begin") begun.push({ ...executor.ref(taskId), instance: "spark" });
    else if (outcome !== undefined) ended.push(executor.ended(taskId, outcome));
  }
  if (isHeard) executor.sync({ ended, begun, room: taken });
  else executor.say({ ended, begun, room: taken });
}

function outcomeOf(act: Act, index: number): Outcome | undefined {
  const outcomes: Partial<Record<Act, Outcome>> = {
    complete: completed(index % 3 === 0 ? null : { n: index }),
    fail: failed("script_failed"),
    break: { ...failed("connection_failed"), retryAfterMs: index * 500 },
    refuse: failed("invalid_params"),
    park: { kind: "returned", reason: "parked" },
    close: { kind: "returned", reason: "no_slot" },
  };
  return outcomes[act];
}

/** Anything at all, said in anybody's name. */
function lie(): fc.Arbitrary<SyncRequest> {
  const outcome = fc.constantFrom(...ACTS).map((act) => outcomeOf(act, 1) ?? completed("a lie"));
  return fc.record({
    session: fc.constantFrom(...NAMES),
    seq: fc.integer({ min: 0, max: 5 }),
    ended: fc.array(
      fc.tuple(ref, outcome).map(([of, how]) => ({ ...of, outcome: how })),
      { maxLength: 3 },
    ),
    begun: fc.array(
      ref.map((of) => ({ ...of, instance: "spark" })),
      { maxLength: 2 },
    ),
    holding: fc.array(ref, { maxLength: 3 }),
    room,
    invitations: fc.nat({ max: 2 }),
  });
}
