/** Invitations: how many executors a run asks for, and when it asks again. */

import { spreadOf } from "../contract/id.ts";
import { CAPACITY, TIMING } from "../contract/limits.ts";
import { budgetOf } from "./offers.ts";
import { countReady } from "./ready.ts";
import { isRunning, type Run } from "./run.ts";

/**
 * How many invitations to send now. Each brings a session, which takes 6 calls (the platform's limit of unanswered
 * connections) or 48 instant tasks at once, and more with its later syncs.
 */
export function countInvitations(run: Run): number {
  return Math.max(0, wantedSessions(run) - run.live.invitations.outstanding);
}

export function invited(run: Run, count: number, now: number): void {
  if (count === 0) return;
  run.live.invitations.outstanding += count;
  run.live.invitations.sentAt = now;
}

/** The session that was heard last, of those that are at work: it can take one task more at once. */
export function sessionAtWork(run: Run): string | undefined {
  let last: string | undefined;
  let seenAt = Number.NEGATIVE_INFINITY;
  for (const [name, session] of run.live.sessions) {
    if (!session.isHeard || session.attempts.size === 0 || session.seenAt < seenAt) continue;
    [last, seenAt] = [name, session.seenAt];
  }
  return last;
}

/** Sessions have come: nothing was lost on the way. */
export function answered(run: Run, count: number): void {
  const { invitations } = run.live;
  invitations.outstanding = Math.max(0, invitations.outstanding - count);
  invitations.patienceMs = TIMING.patienceMs;
}

/** When invitations that nobody followed are sent again. */
export function impatientAt(run: Run): number {
  const { outstanding, sentAt, patienceMs } = run.live.invitations;
  if (outstanding === 0 || wantedSessions(run) === 0) return Number.POSITIVE_INFINITY;
  return sentAt + patienceMs * spreadOf(run.definition.id, TIMING.spread);
}

/** The invitations on their way count as lost; the next ones are waited for twice as long. */
export function giveUpInvitations(run: Run): void {
  const { invitations } = run.live;
  invitations.outstanding = 0;
  invitations.patienceMs = Math.min(2 * invitations.patienceMs, TIMING.patienceMaxMs);
}

function wantedSessions(run: Run): number {
  if (!isRunning(run)) return 0;
  const ready = countReady(run.live.ready);
  const budget = Math.max(0, budgetOf(run));
  const forCalls = Math.ceil(Math.min(ready.calls, budget) / CAPACITY.unansweredCalls);
  const forInstant = Math.ceil(Math.min(ready.instant, budget) / CAPACITY.instantPerSync);
  return Math.min(CAPACITY.invitations, forCalls + forInstant);
}
