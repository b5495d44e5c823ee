/**
 * The rule that nothing hangs (decision 4 of the design), worked out here without the engine's own `nextDue`: whatever
 * a running run waits for, there is a time by which it looks again, and its alarm is not later.
 */
import { TIMING } from "../../src/contract/limits.ts";
import type { Run, Task } from "../../src/engine/run.ts";

/** Leases and patience differ by up to this much between runs. */
const SPREAD = 1 + TIMING.spread;

export function requireNothingHangs(run: Run, alarmAt: number): void {
  if (run.state.status !== "running") return;
  for (const task of run.tasks.values()) {
    const { id } = task.plan.spec;
    const latest = looksAgainAt(run, task);
    if (latest !== undefined && alarmAt > latest) {
      throw new Error(
        `broken: nobody looks after ${task.state.status} ${id} before ${alarmAt}, ${latest} is the latest`,
      );
    }
  }
}

/** The latest time at which something must happen about a task; undefined: it waits for another task. */
function looksAgainAt(run: Run, task: Task): number | undefined {
  const { sessions, offers } = run.live;
  const { state, plan } = task;
  const leaseOf = (session: string | undefined) =>
    (sessions.get(session ?? "")?.seenAt ?? Number.NEGATIVE_INFINITY) + TIMING.leaseMs * SPREAD;
  switch (state.status) {
    case "retrying":
      return state.dueAt;
    case "running":
      return leaseOf(task.attempts.at(-1)?.session);
    case "queued":
      return offers.has(plan.spec.id) ? leaseOf(offers.get(plan.spec.id)) : queuedUntil(run, task);
    default:
      return undefined;
  }
}

function queuedUntil(run: Run, { plan }: Task): number | undefined {
  const lane = run.live.ready.get(plan.lane ?? "");
  if (lane === undefined || !lane.members.has(plan.spec.id)) return Number.NEGATIVE_INFINITY;
  if (lane.parkedUntil > 0 && lane.kept === 0) return lane.parkedUntil;
  // Full: what runs or is offered has leases of its own.
  if (run.running + run.live.offers.size >= run.definition.workflow.maxParallelTasks) return undefined;
  const { outstanding, sentAt, patienceMs } = run.live.invitations;
  return outstanding > 0 ? sentAt + patienceMs * SPREAD : Number.NEGATIVE_INFINITY;
}
