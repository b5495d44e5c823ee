/** Slots: who may call which instance. Answered at once, always; asking again for a token gives the same slot. */
import { CAPACITY, TIMING } from "../../contract/limits.ts";
import type { Acquire, EndedSlot, Grant, HeldSlot } from "../../contract/sync.ts";
import { PRIORITIES } from "../../contract/workflow.ts";
import { type Asked, assess, isEligible } from "./assess.ts";
import { chosen } from "./choose.ts";
import { dropExpired, dropSlot, type Hub, takeSlot, waitingKey } from "./hub.ts";
import { isLooking, isStale } from "./looks.ts";
import { instanceOf, isOpen, type Member, recordCall, roomAt } from "./member.ts";
import { hubDue } from "./queue.ts";

export function acquire(hub: Hub, asked: Acquire, now: number): Grant {
  dropExpired(hub, now);
  const held = hub.slots.get(asked.token);
  const holder = held && hub.members.get(held.instance);
  if (holder !== undefined) return grant(hub, asked, holder, now);
  const kept = takeKept(hub, asked, now);
  if (kept !== undefined) return grant(hub, asked, kept, now);
  const found = assess(hub, asked, now);
  if (found.kind === "free" && !isOwed(hub, now)) return grant(hub, asked, found.member, now);
  if (found.kind === "refused") {
    if (found.retryAfterMs !== undefined && isStale(hub.looks, now)) hub.looks.isWanted = true;
    return found;
  }
  if (found.kind === "unknown" && !isLooking(hub.looks, now)) hub.looks.isWanted = true;
  wait(hub, asked, now);
  hub.quietUntil = Math.min(hub.quietUntil, hubDue(hub, now));
  return { kind: "parked" };
}

/** Time has set free what those who wait may be the first for; the newcomer is asked in its turn. */
const isOwed = (hub: Hub, now: number): boolean => hub.waiting.size > 0 && now >= hub.quietUntil;

/**
 * The call failed at the slot's instance. Another one at once, before those who wait: this call has waited. `parked`:
 * others could do it and are busy; the run is not noted, it asks anew.
 */
export function exchange(hub: Hub, ended: EndedSlot, asked: Acquire, now: number): Grant {
  dropExpired(hub, now);
  release(hub, [ended], now);
  const failover: Asked = { ...asked, isFailover: true };
  const found = assess(hub, failover, now);
  if (found.kind === "free") return grant(hub, asked, found.member, now);
  return found.kind === "refused" ? found : { kind: "parked" };
}

export function renew(hub: Hub, slots: HeldSlot[], now: number): void {
  for (const { token, runId, instance } of slots) {
    const until = now + TIMING.leaseMs;
    const known = hub.slots.get(token);
    if (known?.instance === instance) known.until = until;
    else takeSlot(hub.slots, hub, token, { runId, instance, until });
  }
}

export function release(hub: Hub, ended: EndedSlot[], now: number): void {
  for (const { token, instance, end } of ended) {
    dropSlot(hub.slots, hub, token);
    const member = hub.members.get(instance);
    hub.isStirred = true;
    if (member !== undefined) recordCall(member, end, now);
  }
}

function grant(hub: Hub, { token, runId }: Acquire, member: Member, now: number): Grant {
  const { id } = member.spec;
  const isAgain = hub.slots.get(token)?.instance === id;
  if (!isAgain) chosen(member, othersThan(member, hub, now), ++hub.turn);
  takeSlot(hub.slots, hub, token, { runId, instance: id, until: now + TIMING.leaseMs });
  return { kind: "granted", instance: instanceOf(member) };
}

function othersThan(member: Member, hub: Hub, now: number): Member[] {
  return [...hub.members.values()].filter((other) => other !== member && isOpen(other, now));
}

/** What was kept for the run, if it is still worth having for this task. */
function takeKept(hub: Hub, asked: Acquire, now: number): Member | undefined {
  for (const [key, { runId, lane, instance }] of hub.reserved) {
    if (runId !== asked.runId || lane !== asked.lane) continue;
    const member = hub.members.get(instance);
    // One to avoid is left to the run's other tasks, as long as there are others for this one.
    const isOther = member !== undefined && isOpen(member, now) && !isEligible(hub, asked, member, now);
    if (isOther) continue;
    dropSlot(hub.reserved, hub, key);
    if (member !== undefined && roomAt(member, now) > 0) return member;
  }
  return undefined;
}

/** A run waits once for each need: with its most urgent task, from when the first of them asked. */
function wait(hub: Hub, asked: Acquire, now: number): void {
  const { runId, lane, need, priority, avoid } = asked;
  const key = waitingKey(asked);
  const known = hub.waiting.get(key);
  if (known === undefined) {
    if (hub.waiting.size >= CAPACITY.hubWaiting) return; // it asks again by itself
    hub.waiting.set(key, { runId, lane, need, priority, avoid, since: now, turn: ++hub.turn });
    return;
  }
  if (PRIORITIES.indexOf(priority) < PRIORITIES.indexOf(known.priority)) known.priority = priority;
  // A slot that any of its tasks can use will do.
  known.avoid = known.avoid.filter((id) => avoid.includes(id));
}
