/** One seed: some runs, some executors, a hub, a queue, people who steer, and faults until they end. */
import { makeTaskError } from "../../src/contract/error.ts";
import { makeRunId } from "../../src/contract/id.ts";
import { decodeJson, isJsonObject } from "../../src/contract/json.ts";
import { hasEnded } from "../../src/contract/run.ts";
import type { Invitation, Outcome } from "../../src/contract/sync.ts";
import type { Call } from "../../src/dispatch/session.ts";
import { decide } from "../../src/engine/decide.ts";
import { nextDue } from "../../src/engine/due.ts";
import type { Definition } from "../../src/engine/run.ts";
import type { Chance } from "./chance.ts";
import { Journal } from "./journal.ts";
import { makeWorkflow } from "./make-workflow.ts";
import { done, type Provider, SimExecutor } from "./sim-executor.ts";
import { SimHistory } from "./sim-history.ts";
import { SimHub } from "./sim-hub.ts";
import { makeInstances } from "./sim-instance.ts";
import { type Engine, SimRun } from "./sim-run.ts";
import { Crash, type Faults, NO_FAULTS, World } from "./world.ts";

const EXECUTORS = 3;
const FAULTS_END_MS = 10 * 60_000;
const STEPS_MOST = 200_000;
/** All runs are over by then, most of them without the help of a timeout. */
const OVER_MS = 3 * 3600_000;

export type Report = { steps: number; events: number; endedAt: number };

/** Throws what is broken. The same seed gives the same report. */
export function simulate(
  seed: number,
  engine: Engine = { decide, nextDue },
  faults: Faults = chooseFaults(seed),
): Report {
  const world = new World(seed, faults, FAULTS_END_MS);
  const { chance } = world;
  const runs = new Map<string, { run: SimRun; journal: Journal }>();
  const find = (id: string) => runs.get(id) ?? missing(id);
  const instances = makeInstances(world, FAULTS_END_MS);
  const hub = new SimHub(world, instances, (id) => find(id).run);
  const history = new SimHistory(world, (id) => find(id).run);
  const called = (run: SimRun, call: Call) => {
    find(run.definition.id).journal.called(call.taskId, call.attempt);
    checkParams(run, call);
    const calls = executors.reduce((sum, one) => sum + one.callsOf(run, call.taskId), 0);
    // A clock that jumps makes a lease look over while its executor still counts on it.
    if (calls > 1 && faults.clockJumps === 0)
      throw new Error(`broken: ${call.taskId} is called twice at the same time`);
  };
  const isDown = (id: string) => instances.some(({ spec, isDown }) => spec.id === id && isDown(world.now));
  const provider: Provider = (call, instance) =>
    isDown(instance) ? { delayMs: 1, outcome: fail("connection_failed") } : perform(chance, call);
  const executors = Array.from(
    { length: EXECUTORS },
    (_, index) => new SimExecutor(`executor-${index}`, world, hub, provider, called),
  );
  const deliver = ({ runId, slot }: Invitation): void => {
    for (let tries = 0; tries < EXECUTORS; tries++) {
      const executor = executors[(slot + tries) % EXECUTORS];
      if (executor?.go(find(runId).run) === "taken") return;
    }
    world.after(1000, () => deliver({ runId, slot }));
  };
  const count = chance.between(1, 3);
  for (let index = 0; index < count; index++) {
    const definition = makeDefinition(chance, index);
    const journal = new Journal(definition);
    const run = new SimRun(world, engine, journal, definition, {
      invite: (slot) => world.send(() => deliver({ runId: definition.id, slot })),
      askForProjection: () => history.ask(definition.id),
      isWatched: () => history.isWatched(definition.id),
      isKept: (revision) => history.keeps(definition.id, revision),
      isNoted: (lane) => hub.isNoted(definition.id, lane),
      push: (push, gone) =>
        world.call(
          () => executors[Number(push.session.split(".")[0]?.split("-")[1])]?.push(push),
          (isThere) => {
            if (isThere === false) survive(gone);
          },
          () => {},
        ),
    });
    runs.set(definition.id, { run, journal });
    live(world, run);
  }
  const isOver = () => {
    if (world.now > OVER_MS)
      throw new Error(`not over after ${OVER_MS / 3600_000} hours: ${describe(runs.values())}`);
    const all = [...runs.values()];
    return (
      all.every(({ run }) => hasEnded(run.status) && history.has(run.definition.id, run.revision)) &&
      world.now > FAULTS_END_MS &&
      executors.every((one) => one.isIdle)
    );
  };
  // Something happens after the last fault, if only this.
  world.after(FAULTS_END_MS + 1, () => {});
  const steps = world.run(isOver, STEPS_MOST);
  const events = [...runs.values()].reduce((sum, { journal }) => sum + journal.length, 0);
  return { steps, events, endedAt: world.now };
}

/** The object may die of what it is told; then it comes back by its alarm. */
function survive(tell: () => void): void {
  try {
    tell();
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
  }
}

/** Each kind of fault is on or off for a whole seed: a rare one is not drowned by the others. */
function chooseFaults(seed: number): Faults {
  const { chance } = new World(seed ^ 0x5eed, NO_FAULTS, 0);
  const often = (most: number) => (chance.is(0.5) ? chance.next() * most : 0);
  return {
    messageLost: often(0.3),
    messageDoubled: often(0.3),
    messageLate: often(0.3),
    callLost: often(0.1),
    answerLost: often(0.1),
    evicted: often(0.2),
    crashBeforeSave: often(0.1),
    crashAfterSave: often(0.1),
    executorDies: often(0.05),
    hubForgets: often(0.05),
    instanceDown: often(1),
    databaseFails: often(0.5),
    alarmLost: often(0.1),
    clockJumps: often(0.05),
  };
}

function makeDefinition(chance: Chance, index: number): Definition {
  const bytes = Uint8Array.from({ length: 10 }, () => chance.between(0, 255));
  return {
    id: makeRunId(1_000_000_000 + index, bytes),
    workflow: makeWorkflow(chance),
    inputs: {},
    createdAt: 1_000_000_000,
    methodDefaults: {},
    methods: {},
  };
}

/** The run is started, and people steer it. What they ask is repeated until it is answered. */
function live(world: World, run: SimRun): void {
  const { chance } = world;
  const insist = (command: Parameters<SimRun["execute"]>[0]): void => {
    if (run.isGone) return;
    try {
      run.execute(command);
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
      world.after(chance.between(10, 1000), () => insist(command));
    }
  };
  const later = (most: number, command: Parameters<SimRun["execute"]>[0]) =>
    world.after(chance.between(1, most), () => insist(command));
  const actor = "someone";
  world.after(0, () => insist({ type: "start", actor }));
  if (chance.is(0.2)) {
    later(60_000, { type: "pause", actor });
    // Whoever pauses resumes: a paused run has no end.
    world.after(120_000, () => insist({ type: "resume", actor }));
  }
  if (chance.is(0.1)) later(60_000, { type: "cancel", actor });
  if (chance.is(0.3)) later(300_000, { type: "retry", actor });
  const first = run.definition.workflow.tasks[0]?.id;
  if (chance.is(0.2) && first !== undefined) later(300_000, { type: "retry", actor, from: first });
}

/** What a provider does: mostly answer, sometimes fail in each of its ways, sometimes never answer. */
function perform(chance: Chance, call: Call): { delayMs: number; outcome: Outcome } {
  const delayMs = chance.is(0.1) ? chance.between(1000, 60_000) : chance.between(1, 300);
  const lot = chance.next();
  if (lot < 0.75) return { delayMs, outcome: done({ said: `${call.taskId}#${call.attempt}` }) };
  if (lot < 0.85) return { delayMs, outcome: fail("connection_failed") };
  if (lot < 0.88)
    return { delayMs, outcome: fail("provider_unavailable", { retryAfterMs: chance.between(0, 5000) }) };
  if (lot < 0.92) return { delayMs, outcome: fail("script_failed") };
  if (lot < 0.94) return { delayMs, outcome: fail("model_not_found") };
  if (lot < 0.96) return { delayMs, outcome: { kind: "returned", reason: "no_slot" } };
  return { delayMs: call.timeoutMs + 1, outcome: fail("internal") };
}

const fail = (code: Parameters<typeof makeTaskError>[0], more = {}): Outcome => ({
  kind: "failed",
  error: makeTaskError(code, "as the seed has it"),
  ...more,
});

/** What a provider gets are the results of what the task refers to, as the run stored them. */
function checkParams(run: SimRun, call: Call): void {
  const params = decodeJson(call.params);
  const heard = isJsonObject(params) ? params["heard"] : undefined;
  const spec = run.definition.workflow.tasks.find(({ id }) => id === call.taskId);
  if (!Array.isArray(heard) || spec === undefined || heard.length !== spec.dependencies.length) {
    throw new Error(`broken: ${call.taskId} was called with ${JSON.stringify(params)}`);
  }
  spec.dependencies.forEach((id, index) => {
    const said = heard[index];
    const isRight = said === null || (typeof said === "string" && said.startsWith(`${id}#`));
    if (!isRight) throw new Error(`broken: ${call.taskId} heard ${JSON.stringify(said)} from ${id}`);
    if (typeof said === "string") run.resultOf(id, Number(said.split("#")[1]));
  });
}

function describe(runs: Iterable<{ run: SimRun }>): string {
  return [...runs].map(({ run }) => run.status).join(", ");
}

function missing(id: string): never {
  throw new Error(`no run ${id}`);
}
