/** An instance as its hub knows it: what was said of it, what looking found, and how its calls ended. */
import { CAPACITY, TIMING } from "../../contract/limits.ts";
import type { CallEnd, Instance } from "../../contract/sync.ts";
import { type Breaker, breakerAt, makeBreaker, record, recover } from "./breaker.ts";
import type { InstanceSpec, Offering, Seen } from "./spec.ts";

export type MemberHealth =
  | { status: "unknown" }
  | { status: "healthy"; at: number }
  | { status: "unhealthy"; at: number; reason: string };

export type Member = {
  spec: InstanceSpec;
  /** Undefined: nobody has looked yet. */
  offering: Offering | undefined;
  health: MemberHealth;
  breaker: Breaker;
  /** A call did not reach it: that it answers a look is news. */
  isUnreachable: boolean;
  /** It asked to be left alone until then (`Retry-After`); 0: it did not. */
  closedUntil: number;
  /** Calls in its hands and slots kept at it. */
  load: number;
  answered: number;
  failed: number;
  /** Mean of late, a fifth of it the last call's. */
  latencyMs: number | undefined;
  /** When anything last came from it. */
  seenAt: number;
  /** The turn in which it was chosen last, and calls divided by weight. */
  chosenAt: number;
  share: number;
};

export function makeMember(spec: InstanceSpec, now: number, offering?: Offering): Member {
  return {
    spec,
    offering,
    health: { status: "unknown" },
    breaker: makeBreaker(),
    isUnreachable: false,
    closedUntil: 0,
    load: 0,
    answered: 0,
    failed: 0,
    latencyMs: undefined,
    seenAt: now,
    chosenAt: 0,
    share: 0,
  };
}

/** How to reach it. */
export function instanceOf({ spec }: Member): Instance {
  const { id, kind, url, sealedHeaders, allowPull } = spec;
  return {
    id,
    kind,
    url,
    ...(sealedHeaders === undefined ? {} : { sealedHeaders }),
    ...(allowPull ? { allowPull } : {}),
  };
}

/** Not worth a call now: its breaker is open, or it did not answer when somebody looked. */
export function isSick(member: Member, now: number): boolean {
  return member.health.status === "unhealthy" || breakerAt(member.breaker, now).state === "open";
}

/** Calls it takes at a time, where it is well. */
export function capacityOf({ spec, offering }: Member): number {
  return spec.maxConcurrent ?? offering?.maxConcurrent ?? CAPACITY.callsPerInstance;
}

export function isOnTrial(member: Member, now: number): boolean {
  return breakerAt(member.breaker, now).state === "half_open";
}

/** Neither sick nor asking to be left alone. */
export function isOpen(member: Member, now: number): boolean {
  return !isSick(member, now) && now >= member.closedUntil;
}

/** How many more calls it takes now; on trial it is one at a time. */
export function roomAt(member: Member, now: number): number {
  if (!isOpen(member, now)) return 0;
  const capacity = isOnTrial(member, now) ? 1 : capacityOf(member);
  return Math.max(0, capacity - member.load);
}

/** When a call may be possible that is not now, as far as time alone decides. */
export function reopensAt(member: Member, now: number): number {
  const { breaker, closedUntil } = member;
  const until = breaker.state === "open" ? Math.max(breaker.until, closedUntil) : closedUntil;
  return until > now ? until : Number.POSITIVE_INFINITY;
}

const NEW_SHARE = 0.2;

/** Takes how a call ended. A failure of the work, or of what was asked, is an answer. */
export function recordCall(member: Member, end: CallEnd, now: number): void {
  switch (end.kind) {
    case "unused":
      return;
    case "answered":
      member.answered++;
      member.seenAt = now;
      member.health = { status: "healthy", at: now };
      member.isUnreachable = false;
      member.latencyMs = mix(member.latencyMs, end.latencyMs);
      member.breaker = record(member.breaker, true, now);
      return;
    case "failed":
      member.failed++;
      member.isUnreachable ||= end.code === "connection_failed";
      // Busy is not sick: it asks for a pause.
      if (end.retryAfterMs === undefined) member.breaker = record(member.breaker, false, now);
      else member.closedUntil = Math.max(member.closedUntil, now + end.retryAfterMs);
      return;
    default:
      throw new Error(`unknown end ${JSON.stringify(end satisfies never)}`);
  }
}

/** Takes what a look found. */
export function recordLook(member: Member, seen: Seen, now: number): void {
  const wasGone = member.health.status === "unhealthy" || member.isUnreachable;
  if (seen.offering !== undefined) member.offering = seen.offering;
  if (seen.health.healthy) {
    // It is there and does not say what it offers: that may be anything.
    member.offering ??= {};
    member.seenAt = now;
    member.health = { status: "healthy", at: now };
    if (wasGone) member.breaker = recover(member.breaker);
    member.isUnreachable = false;
    return;
  }
  member.health = { status: "unhealthy", at: now, reason: seen.health.reason };
  member.breaker = record(member.breaker, false, now);
}

/** Only what was discovered goes by itself. */
export function isGone({ spec, seenAt }: Member, now: number): boolean {
  return spec.source === "discovered" && now - seenAt >= TIMING.goneMs;
}

const mix = (before: number | undefined, value: number): number =>
  before === undefined ? value : before * (1 - NEW_SHARE) + value * NEW_SHARE;
