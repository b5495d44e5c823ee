/** Those who wait: who is next, and who should ask again since waiting leads nowhere. */
import { TIMING } from "../../contract/limits.ts";
import { needKey } from "../../contract/protocol.ts";
import type { SlotAnswer } from "../../contract/sync.ts";
import { PRIORITIES } from "../../contract/workflow.ts";
import { type Assessment, assess } from "./assess.ts";
import { dropExpired, dropSlot, type Hub, takeSlot, type Waiting, waitingKey } from "./hub.ts";
import { isLooking, lookEndsAt } from "./looks.ts";
import { type Member, reopensAt } from "./member.ts";

/** A run to be told that a slot is kept for it; without a reservation, that there is nothing to wait for any more. */
export type HubInvitation = { waiting: Waiting; reservation?: string };

/**
 * Keeps free slots for those who wait, and says whom to invite. Those for whom there is nothing to wait for any more
 * are invited too: they ask, and are told why.
 */
export function inviteNext(hub: Hub, now: number): HubInvitation[] {
  dropExpired(hub, now);
  // A question that was answered changes nothing for the others: there may be ten thousand of them.
  if (!hub.isStirred && now < hub.quietUntil) return [];
  hub.isStirred = false;
  const invitations: HubInvitation[] = [];
  for (;;) {
    const next = firstServed(hub, now);
    if (next === undefined) break;
    const { waiting, assessment } = next;
    hub.waiting.delete(waitingKey(waiting));
    invitations.push(
      assessment.kind === "free" ? reserve(hub, waiting, assessment.member, now) : { waiting },
    );
  }
  hub.quietUntil = hubDue(hub, now);
  return invitations;
}

/** Takes what the run says to its invitation. */
export function takeAnswer(
  hub: Hub,
  { waiting, reservation }: HubInvitation,
  answer: SlotAnswer,
  now: number,
): void {
  if (!answer.isWanted && reservation !== undefined) dropSlot(hub.reserved, hub, reservation);
  const key = waitingKey(waiting);
  // Without a reservation it asks for all its tasks by itself.
  if (reservation === undefined || answer.next === undefined || hub.waiting.has(key)) return;
  hub.isStirred = true;
  // It has just been served: it waits anew, and behind those that it was level with.
  hub.waiting.set(key, { ...waiting, priority: answer.next, avoid: [], since: now, turn: ++hub.turn });
}

function reserve(hub: Hub, waiting: Waiting, member: Member, now: number): HubInvitation {
  const { runId, lane } = waiting;
  const reservation = String(++hub.turn);
  const until = now + TIMING.reservationMs;
  takeSlot(hub.reserved, hub, reservation, { runId, lane, instance: member.spec.id, until });
  return { waiting, reservation };
}

/** When time alone changes something for those who wait. */
export function hubDue(hub: Hub, now: number): number {
  if (hub.waiting.size === 0) return Number.POSITIVE_INFINITY;
  let due = isLooking(hub.looks, now) ? lookEndsAt(hub.looks) : Number.POSITIVE_INFINITY;
  for (const { until } of hub.slots.values()) due = Math.min(due, until);
  for (const { until } of hub.reserved.values()) due = Math.min(due, until);
  for (const member of hub.members.values()) due = Math.min(due, reopensAt(member, now));
  return due;
}

type Served = { waiting: Waiting; assessment: Assessment };

/** The first of those whose waiting is over, in the order of {@link isBefore}. */
function firstServed(hub: Hub, now: number): Served | undefined {
  const known = new Map<string, Assessment>();
  const slotsOf = countSlots(hub);
  let first: Served | undefined;
  for (const waiting of hub.waiting.values()) {
    if (first !== undefined && !isBefore(waiting, first.waiting, slotsOf, now)) continue;
    const assessment = assessOnce(hub, waiting, known, now);
    if (assessment.kind === "unknown" && !isLooking(hub.looks, now)) hub.looks.isWanted = true;
    if (assessment.kind !== "busy" && assessment.kind !== "unknown") first = { waiting, assessment };
  }
  return first;
}

/** Many wait for the same: it is worked out once, but for who chooses by the run. */
function assessOnce(hub: Hub, waiting: Waiting, known: Map<string, Assessment>, now: number): Assessment {
  const sticky = hub.strategy === "sticky" ? waiting.runId : "";
  const key = `${needKey(waiting.need)} ${waiting.avoid.join(" ")} ${sticky}`;
  const assessment = known.get(key) ?? assess(hub, waiting, now);
  known.set(key, assessment);
  return assessment;
}

/** Priority, lifted a class by every minute of waiting; then the run with the fewest slots; then in turn. */
function isBefore(one: Waiting, other: Waiting, slotsOf: Map<string, number>, now: number): boolean {
  const classes = rank(one, now) - rank(other, now);
  if (classes !== 0) return classes < 0;
  const slots = (slotsOf.get(one.runId) ?? 0) - (slotsOf.get(other.runId) ?? 0);
  return slots !== 0 ? slots < 0 : one.turn < other.turn;
}

const rank = ({ priority, since }: Waiting, now: number): number =>
  Math.max(0, PRIORITIES.indexOf(priority) - Math.floor(Math.max(0, now - since) / TIMING.ageingMs));

function countSlots(hub: Hub): Map<string, number> {
  const slotsOf = new Map<string, number>();
  for (const slots of [hub.slots, hub.reserved])
    for (const { runId } of slots.values()) slotsOf.set(runId, (slotsOf.get(runId) ?? 0) + 1);
  return slotsOf;
}
