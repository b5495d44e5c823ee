/**
 * One executor serving one run, as data: what it holds, what it has to say. No I/O, so that the simulation drives the
 * very code that executors run. An item is offered (a slot is asked for), granted (the slot is there, the run does not
 * know yet), or called.
 */
import { LIMITS } from "../contract/limits.ts";
import {
  type AttemptRef,
  attemptKey,
  type Begun,
  type Ended,
  type Outcome,
  type Room,
  type SyncAnswer,
  type SyncRequest,
  type Work,
} from "../contract/sync.ts";

export type Offer = Extract<Work, { kind: "offer" }>;
export type Call = Extract<Work, { kind: "call" }>;

type Item = AttemptRef & { phase: "offered" | "granted" | "called"; instance: string };

export type Session = {
  readonly name: string;
  seq: number;
  readonly items: Map<string, Item>;
  ended: Ended[];
  invitations: number;
  /** What was sent and not answered. It is repeated as it is until it is answered. */
  inFlight: SyncRequest | undefined;
  /** The run has tasks this session had no room for. */
  more: boolean;
};

/** What an answer makes the executor do. */
export type Orders = { calls: Call[]; offers: Offer[]; drops: AttemptRef[] };

export function makeSession(name: string): Session {
  return { name, seq: 0, items: new Map(), ended: [], invitations: 1, inFlight: undefined, more: false };
}

/** Whether there is news for the run. Renewing the lease is a matter of time and the caller's. */
export function hasNews(session: Session): boolean {
  const hasGrants = [...session.items.values()].some((item) => item.phase === "granted");
  return session.ended.length > 0 || session.invitations > 0 || hasGrants;
}

/** Bytes of results that the run does not have yet. */
export function unsaidBytes(session: Session): number {
  return session.ended.reduce((sum, { outcome }) => sum + resultBytes(outcome), 0);
}

/** Nothing in its hands, nothing to say, nothing to wait for: the session is over. */
export function isIdle(session: Session): boolean {
  const isEmpty = session.inFlight === undefined && session.items.size === 0;
  return isEmpty && !hasNews(session) && !session.more;
}

/** What to send now: the unanswered sync again, or the next. */
export function nextSync(session: Session, room: Room): SyncRequest {
  if (session.inFlight !== undefined) return session.inFlight;
  session.seq++;
  const begun: Begun[] = [];
  const holding: AttemptRef[] = [];
  for (const { phase, taskId, attempt, instance } of session.items.values()) {
    if (phase === "granted") begun.push({ taskId, attempt, instance });
    else holding.push({ taskId, attempt });
  }
  const { name, seq, invitations } = session;
  const ended = firstWithin(session.ended, LIMITS.syncBytes);
  // What does not fit is said next time; until then it is held, or it would be given again.
  for (const { taskId, attempt } of session.ended.slice(ended.length)) holding.push({ taskId, attempt });
  session.inFlight = { session: name, seq, ended, begun, holding, room, invitations };
  return session.inFlight;
}

/** Takes the answer to the sync in flight. */
export function takeAnswer(session: Session, answer: SyncAnswer): Orders {
  const request = session.inFlight;
  session.inFlight = undefined;
  session.ended = session.ended.slice(request?.ended.length ?? 0);
  session.invitations -= request?.invitations ?? 0;
  session.more = answer.more;
  const calls = answer.work.filter((work): work is Call => work.kind === "call" && takeCall(session, work));
  const offers = answer.work.filter(
    (work): work is Offer => work.kind === "offer" && takeOffer(session, work),
  );
  return { calls, offers, drops: dropAll(session, answer.drop) };
}

/** The run has no use for these any more. Gives those the session had. */
export function dropAll(session: Session, refs: AttemptRef[]): AttemptRef[] {
  return refs.filter((ref) => session.items.delete(attemptKey(ref)));
}

/**
 * The hub has a slot: the run is told, and then the call may be made. `unwanted`: the offer was dropped meanwhile.
 * `known`: it was dropped, offered again, and this is the answer to the first question, or to the second.
 */
export function grant(session: Session, ref: AttemptRef, instance: string): "taken" | "known" | "unwanted" {
  const item = session.items.get(attemptKey(ref));
  if (item === undefined) return "unwanted";
  if (item.phase !== "offered") return "known";
  item.phase = "granted";
  item.instance = instance;
  return "taken";
}

/** There is no slot for the offer. An answer that comes when it has become a call is of no interest. */
export function giveBack(session: Session, ref: AttemptRef, outcome: Outcome): void {
  if (session.items.get(attemptKey(ref))?.phase === "offered") end(session, ref, outcome);
}

/** The attempt is over. False: it was dropped meanwhile, and nobody wants to know. */
export function end(session: Session, { taskId, attempt }: AttemptRef, outcome: Outcome): boolean {
  if (!session.items.delete(attemptKey({ taskId, attempt }))) return false;
  session.ended.push({ taskId, attempt, outcome });
  return true;
}

/** As many as are this large together, and at least one: results have a limit of their own below it. */
function firstWithin(ended: Ended[], bytesMost: number): Ended[] {
  let bytes = 0;
  const end = ended.findIndex(({ outcome }, index) => {
    bytes += resultBytes(outcome);
    return index > 0 && bytes > bytesMost;
  });
  return end === -1 ? [...ended] : ended.slice(0, end);
}

function resultBytes(outcome: Outcome): number {
  return outcome.kind === "completed" ? outcome.result.byteLength : 0;
}

function takeCall(session: Session, call: Call): boolean {
  const key = attemptKey(call);
  const item = session.items.get(key);
  if (item?.phase === "called") return false;
  const { taskId, attempt } = call;
  session.items.set(key, { taskId, attempt, phase: "called", instance: item?.instance ?? "" });
  return true;
}

/** An offer that is known already is being asked for, or granted and about to be said. */
function takeOffer(session: Session, offer: Offer): boolean {
  const key = attemptKey(offer);
  if (session.items.has(key)) return false;
  const { taskId, attempt } = offer;
  session.items.set(key, { taskId, attempt, phase: "offered", instance: "" });
  return true;
}
