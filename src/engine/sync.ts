/** What a session says and what it is told. Saying the same twice changes nothing. */
import { type AttemptRef, attemptKey, type SyncAnswer, type SyncRequest } from "../contract/sync.ts";
import { beginOffered, handOut, handOutAgain, makeTray, type Tray } from "./hand-out.ts";
import { answered } from "./invite.ts";
import { budgetOf, isOpenFor, offer, releaseOffer } from "./offers.ts";
import { countReady } from "./ready.ts";
import { isRunning, lastAttempt, type Run, type Session, sessionOf, taskOf } from "./run.ts";
import { settle } from "./settle.ts";
import type { Turn } from "./turn.ts";

export function sync(turn: Turn, request: SyncRequest): SyncAnswer {
  const { run, now } = turn;
  const session = sessionOf(run, request.session, now);
  const tray = makeTray();
  // A sync that was overtaken: what it says has been said since, and its answer is read by nobody.
  if (request.seq < session.seq) return answer(turn, tray, []);
  // Said again after a lost answer: these invitations have been counted.
  if (request.seq > session.seq) answered(run, request.invitations);
  session.seq = request.seq;
  session.seenAt = now;
  session.isHeard = true;
  for (const ended of request.ended) settle(turn, ended, request.session);
  for (const begun of request.begun) beginOffered(turn, begun, request.session, tray);
  const unwanted = [...request.holding, ...request.begun].filter((held) => !keep(turn, held, request));
  hand(turn, session, request, tray);
  return answer(turn, tray, unwanted);
}

function hand(turn: Turn, session: Session, request: SyncRequest, tray: Tray): void {
  const has = new Set([...request.holding, ...request.ended].map(attemptKey));
  handOutAgain(turn, session, has, tray);
  handOut(turn, request.session, request.room, tray);
}

function answer(turn: Turn, tray: Tray, drop: AttemptRef[]): SyncAnswer {
  const { run } = turn;
  const ready = countReady(run.live.ready);
  const more = isRunning(run) && budgetOf(run) > 0 && ready.calls + ready.instant > 0;
  return { work: tray.work, drop, follow: run.live.followed, more };
}

/** Whether the session may go on with something it holds. */
function keep(turn: Turn, held: AttemptRef, request: SyncRequest): boolean {
  const { run, now } = turn;
  const task = run.tasks.get(held.taskId);
  if (task === undefined) return false;
  const attempt = lastAttempt(task);
  if (attempt?.number === held.attempt)
    return attempt.end === undefined && attempt.session === request.session;
  if (!isOpenFor(run, task, held, request.session)) return false;
  // Paused: the offer is taken back. Forgotten (the object was evicted): it is made again.
  if (!isRunning(run)) releaseOffer(run, task);
  else if (!run.live.offers.has(held.taskId) && budgetOf(run) > 0) offer(run, task, request.session, now);
  return run.live.offers.get(held.taskId) === request.session;
}

/** The session is not heard of any more: its offers are free again. Its attempts are for the caller to lose. */
export function closeSession(run: Run, name: string, session: Session): void {
  for (const id of [...session.offers]) releaseOffer(run, taskOf(run, id));
  run.live.sessions.delete(name);
}
