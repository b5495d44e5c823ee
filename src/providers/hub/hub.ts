/**
 * A hub: the instances of one protocol and who gets the next call. Pure; hub-object.ts is its shell. All but the list
 * of instances and what they offer is memory that need not survive: slots are leased and renewed by their executors, a
 * run that waits asks again by itself, and sickness shows again.
 */

import type { Need } from "../../contract/protocol.ts";
import type { Strategy } from "../../contract/provider.ts";
import type { Priority } from "../../contract/workflow.ts";
import { type Looks, makeLooks } from "./looks.ts";
import { type Member, makeMember } from "./member.ts";
import type { InstanceSpec, Offering } from "./spec.ts";

/** A slot: whose it is, where, and until when it is theirs without a sign of life. */
export type Slot = { runId: string; instance: string; until: number };
/** A slot that is kept for a run that was invited to it. */
export type Reserved = Slot & { lane: string };

/** A run that was answered `parked`. `turn` is when it asked last, or was invited: equals take turns. */
export type Waiting = {
  runId: string;
  lane: string;
  need: Need;
  priority: Priority;
  avoid: string[];
  since: number;
  turn: number;
};

export type Hub = {
  readonly protocol: string;
  strategy: Strategy;
  readonly members: Map<string, Member>;
  /** By token. */
  readonly slots: Map<string, Slot>;
  /** By run and lane. */
  readonly waiting: Map<string, Waiting>;
  /** By a number of its own: several may be kept for one run. */
  readonly reserved: Map<string, Reserved>;
  readonly looks: Looks;
  /** Something has happened that may serve somebody who waits; until when time alone does not. */
  isStirred: boolean;
  quietUntil: number;
  /** Counts choices, questions and reservations. */
  turn: number;
};

export function makeHub(protocol: string, strategy: Strategy = "least_loaded"): Hub {
  return {
    protocol,
    strategy,
    members: new Map(),
    slots: new Map(),
    waiting: new Map(),
    reserved: new Map(),
    looks: makeLooks(),
    isStirred: false,
    quietUntil: Number.POSITIVE_INFINITY,
    turn: 0,
  };
}

/** Registers an instance, or changes it. What is known of it stays true only while its address is the same. */
export function putInstance(hub: Hub, spec: InstanceSpec, now: number, offering?: Offering): Member {
  hub.isStirred = true;
  const known = hub.members.get(spec.id);
  if (known !== undefined && known.spec.url === spec.url && known.spec.kind === spec.kind) {
    known.spec = spec;
    return known;
  }
  const member = makeMember(spec, now, offering);
  // Calls that are still at it, from before it was moved or removed.
  for (const slots of [hub.slots, hub.reserved])
    for (const { instance } of slots.values()) if (instance === spec.id) member.load++;
  hub.members.set(spec.id, member);
  return member;
}

/** Calls at it end as they end; it gets no others. */
export function removeInstance(hub: Hub, id: string): boolean {
  hub.isStirred = true;
  return hub.members.delete(id);
}

export const waitingKey = ({ runId, lane }: { runId: string; lane: string }): string => `${runId} ${lane}`;

export function takeSlot<Kept extends Slot>(
  slots: Map<string, Kept>,
  hub: Hub,
  key: string,
  slot: Kept,
): void {
  dropSlot(slots, hub, key);
  slots.set(key, slot);
  const member = hub.members.get(slot.instance);
  if (member !== undefined) member.load++;
}

export function dropSlot(slots: Map<string, Slot>, hub: Hub, key: string): Slot | undefined {
  const slot = slots.get(key);
  if (slot === undefined) return undefined;
  hub.isStirred = true;
  slots.delete(key);
  const member = hub.members.get(slot.instance);
  if (member !== undefined && member.load > 0) member.load--;
  return slot;
}

/** Leases and reservations that have run out. */
export function dropExpired(hub: Hub, now: number): void {
  for (const slots of [hub.slots, hub.reserved]) {
    for (const [key, { until }] of slots) if (now >= until) dropSlot(slots, hub, key);
  }
}
