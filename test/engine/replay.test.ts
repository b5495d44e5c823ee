/** What holds whatever happens: for random workflows and random, partly false, commands. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { apply } from "../../src/engine/apply.ts";
import { nextDue } from "../../src/engine/due.ts";
import { countInvitations, invited } from "../../src/engine/invite.ts";
import { isFinal, isRunning, lastAttempt, makeRun, type Run } from "../../src/engine/run.ts";
import type { Drive } from "./drive.ts";
import { completed, Executor } from "./executor.ts";
import { findBreach } from "./legal.ts";
import { makeWorld, perform, plan, step } from "./steps.ts";

const SEED = { seed: 4711, numRuns: 300 };
const steps = fc.array(step, { minLength: 1, maxLength: 60, size: "max" });

/** Plays random steps; looks at the run after each of them, and at the end. */
function whatever(check: (drive: Drive) => void, atEnd: (drive: Drive) => void = () => {}): void {
  fc.assert(
    fc.property(plan, steps, (planned, happening) => {
      const { drive, executors } = makeWorld(planned);
      for (const one of happening) {
        perform({ drive, executors }, one);
        invited(drive.run, countInvitations(drive.run), drive.now);
        check(drive);
      }
      atEnd(drive);
    }),
    SEED,
  );
}

/** All of a run that must outlive memory. */
function durable({ tasks, state, generation, seq, startedAt, clock, unfinished, running }: Run): unknown {
  const rows = [...tasks].map(([id, { plan: _, ...task }]) => [id, task]);
  return { rows, state, generation, seq, startedAt, clock, unfinished, running };
}

test("folding the journal into a fresh run gives the same run", () => {
  whatever((drive) => expect(durable(drive.fold())).toEqual(durable(drive.run)));
});

test("no event happens that must not", () => {
  const checkJournal = (drive: Drive): void => expect(breachesOf(drive)).toEqual([]);
  whatever(() => {}, checkJournal);
});

test("counters agree with a recount, and nothing queued is neither ready nor offered, or both", () => {
  whatever(({ run }) => {
    const tasks = [...run.tasks.values()];
    const isEnded = !isRunning(run) && run.state.status !== "paused";
    const live = tasks.filter((task) => task.attempts.some(({ end }) => end === undefined));
    expect(run.running).toBe(live.length);
    expect(live.every((task) => lastAttempt(task)?.end === undefined)).toBe(true);
    expect(run.unfinished).toBe(tasks.filter((task) => !isFinal(task)).length);
    expect(isEnded).toBe(run.unfinished === 0);
    const ready = [...run.live.ready.values()].flatMap(({ members }) => [...members]);
    const queued = tasks.flatMap(({ plan, state }) => (state.status === "queued" ? [plan.spec.id] : []));
    expect([...ready, ...run.live.offers.keys()].toSorted()).toEqual(queued.toSorted());
    expect(run.running + run.live.offers.size).toBeLessThanOrEqual(run.definition.workflow.maxParallelTasks);
  });
});

test("sessions have what the run says they have", () => {
  whatever(({ run }) => {
    for (const [name, { attempts, offers }] of run.live.sessions) {
      for (const id of attempts) {
        const task = run.tasks.get(id);
        expect(task && lastAttempt(task)).toMatchObject({ session: name, end: undefined });
      }
      for (const id of offers) expect(run.live.offers.get(id)).toBe(name);
    }
    for (const [id, session] of run.live.offers)
      expect(run.live.sessions.get(session)?.offers.has(id)).toBe(true);
  });
});

test("after every command a running run has something that is due, and one wake leaves nothing overdue", () => {
  whatever((drive) => {
    if (!isRunning(drive.run)) return;
    expect(nextDue(drive.run)).toBeLessThan(Number.POSITIVE_INFINITY);
    if (nextDue(drive.run) <= drive.now) drive.wait(0);
    expect(nextDue(drive.run)).toBeGreaterThan(drive.now);
  });
});

test("whatever has happened, the run ends once an executor does its work", () => {
  const nothing = (): void => {};
  whatever(nothing, (drive) => {
    drive.tell({ type: "resume", actor: "somebody" });
    workOff(drive);
    expect(drive.run.unfinished).toBe(0);
  });
});

/** An executor that never fails, until there is nothing to do any more; in between, what is due happens. */
function workOff(drive: Drive): void {
  const honest = new Executor(drive, "honest");
  for (let round = 0; round < 500 && isRunning(drive.run); round++) {
    const work = [...honest.held.values()];
    const calls = work.filter(({ kind }) => kind === "call");
    const offers = work.filter(({ kind }) => kind === "offer");
    const ended = calls.map(({ taskId }) => honest.ended(taskId, completed({ n: 1 })));
    const begun = offers.map(({ taskId }) => ({ ...honest.ref(taskId), instance: "spark" }));
    const answer = honest.sync({ ended, begun });
    const isIdle = answer.work.length === 0 && honest.held.size === 0;
    if (isIdle && isRunning(drive.run)) drive.wait(nextDue(drive.run) - drive.now);
  }
}

/** What the journal says that must not be, by rules of its own. */
function breachesOf(drive: Drive): string[] {
  const run = makeRun(drive.definition);
  return drive.journal.flatMap(({ at, event }) => {
    const breach = findBreach(run, event);
    apply(run, event, at);
    return breach ?? [];
  });
}
