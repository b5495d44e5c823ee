/**
 * A hub: the instances of one protocol and who gets the next call. Pure; hub-object.ts is its shell. Its memory need
 * not survive: slots are leased and renewed by their executors, and a run that waits asks again by itself.
 */

import { makeTaskError } from "../contract/error.ts";
import { CAPACITY, TIMING } from "../contract/limits.ts";
import type { Acquire, Grant, Instance } from "../contract/sync.ts";
import { PRIORITIES, type Priority } from "../contract/workflow.ts";

export type HubInstance = Instance & { maxConcurrent: number };

type Waiting = { runId: string; lane: string; priority: Priority; since: number };

export type Hub = {
  readonly protocol: string;
  readonly instance: HubInstance | undefined;
  /** By token: whose slot it is, and until when it is theirs without a sign of life. */
  readonly slots: Map<string, { runId: string; until: number }>;
  /** Runs that were answered `parked`, by run and need. */
  readonly waiting: Map<string, Waiting>;
  /** Slots kept for runs that were invited to them. */
  readonly reserved: Map<string, { runId: string; until: number }>;
};

/** A run to be told that a slot is kept for it. */
export type HubInvitation = { runId: string; lane: string };

export function makeHub(protocol: string, instance: HubInstance | undefined): Hub {
  return { protocol, instance, slots: new Map(), waiting: new Map(), reserved: new Map() };
}

/** Answers at once: a slot, or that there is none now. Asking again for a token gives the same slot. */
export function acquire(hub: Hub, asked: Acquire, now: number): Grant {
  const { instance } = hub;
  if (instance === undefined) return { kind: "refused", error: noProvider(hub.protocol) };
  dropExpired(hub, now);
  const key = waitingKey(asked);
  const isKept = hub.reserved.delete(key);
  // A slot that has just come free is theirs who wait.
  const isFree = freeSlots(hub) > 0 && hub.waiting.size === 0;
  if (!hub.slots.has(asked.token) && !isKept && !isFree) return wait(hub, key, asked, now);
  hub.slots.set(asked.token, { runId: asked.runId, until: now + TIMING.leaseMs });
  const { id, kind, url } = instance;
  return { kind: "granted", instance: { id, kind, url } };
}

export function renew(hub: Hub, tokens: string[], now: number): void {
  for (const token of tokens) {
    const runId = token.split("/", 1)[0] ?? "";
    hub.slots.set(token, { runId, until: now + TIMING.leaseMs });
  }
}

export function release(hub: Hub, tokens: string[]): void {
  for (const token of tokens) hub.slots.delete(token);
}

/** The run that was invited has nothing left for the slot. */
export function decline(hub: Hub, invitation: HubInvitation): void {
  hub.reserved.delete(waitingKey(invitation));
}

/** Keeps free slots for those who wait, and says whom to invite. */
export function inviteNext(hub: Hub, now: number): HubInvitation[] {
  dropExpired(hub, now);
  const invitations: HubInvitation[] = [];
  while (freeSlots(hub) > 0) {
    const next = firstWaiting(hub, now);
    if (next === undefined) break;
    const key = waitingKey(next);
    hub.waiting.delete(key);
    const { runId, lane } = next;
    hub.reserved.set(key, { runId, until: now + TIMING.reservationMs });
    invitations.push({ runId, lane });
  }
  return invitations;
}

/** When a lease or a reservation ends while somebody waits for a slot. */
export function hubDue(hub: Hub): number {
  if (hub.waiting.size === 0) return Number.POSITIVE_INFINITY;
  let due = Number.POSITIVE_INFINITY;
  for (const { until } of hub.slots.values()) due = Math.min(due, until);
  for (const { until } of hub.reserved.values()) due = Math.min(due, until);
  return due;
}

/** A run waits once for each need: with its most urgent task, from when the first of them asked. */
function wait(hub: Hub, key: string, { runId, lane, priority }: Acquire, now: number): Grant {
  const known = hub.waiting.get(key);
  if (known === undefined && hub.waiting.size < CAPACITY.hubWaiting)
    hub.waiting.set(key, { runId, lane, priority, since: now });
  else if (known !== undefined && classOf(priority) < classOf(known.priority)) known.priority = priority;
  return { kind: "parked" };
}

const classOf = (priority: Priority): number => PRIORITIES.indexOf(priority);

function freeSlots(hub: Hub): number {
  return (hub.instance?.maxConcurrent ?? 0) - hub.slots.size - hub.reserved.size;
}

/** Priority, lifted a class by every minute of waiting; then the run with the fewest slots; then who came first. */
function firstWaiting(hub: Hub, now: number): Waiting | undefined {
  const slotsOf = new Map<string, number>();
  for (const { runId } of [...hub.slots.values(), ...hub.reserved.values()])
    slotsOf.set(runId, (slotsOf.get(runId) ?? 0) + 1);
  const rank = ({ priority, since }: Waiting) =>
    classOf(priority) - Math.floor(Math.max(0, now - since) / TIMING.ageingMs);
  const isBefore = (a: Waiting, b: Waiting) =>
    rank(a) - rank(b) || (slotsOf.get(a.runId) ?? 0) - (slotsOf.get(b.runId) ?? 0) || a.since - b.since;
  let first: Waiting | undefined;
  for (const one of hub.waiting.values()) if (first === undefined || isBefore(one, first) < 0) first = one;
  return first;
}

function dropExpired(hub: Hub, now: number): void {
  for (const [token, { until }] of hub.slots) if (now >= until) hub.slots.delete(token);
  for (const [key, { until }] of hub.reserved) if (now >= until) hub.reserved.delete(key);
}

const waitingKey = ({ runId, lane }: HubInvitation): string => `${runId} ${lane}`;

const START: Record<string, string> = {
  "llm/v1": "start Ollama (ollama serve) and give its URL in GLEITZEIT_OLLAMA_URLS",
  "mcp/v1": "of tools there are the built-in ones: echo, add, multiply and concat",
  "python/v1": "start the Python runner and give its URL in GLEITZEIT_PYTHON_URLS",
};

function noProvider(protocol: string) {
  const advice = START[protocol] ?? "register an instance of it";
  return makeTaskError("no_provider", `nobody serves protocol ${protocol}: ${advice}`);
}
