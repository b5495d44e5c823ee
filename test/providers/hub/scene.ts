/** A hub with instances and a clock that only the test moves; what an executor asks of it, in few words. */
import { expect } from "vitest";
import type { Strategy } from "../../../src/contract/provider.ts";
import type { Acquire, CallEnd, Grant, HeldSlot, SlotAnswer } from "../../../src/contract/sync.ts";
import { type Hub, makeHub, putInstance } from "../../../src/providers/hub/hub.ts";
import { type Member, makeMember } from "../../../src/providers/hub/member.ts";
import { type HubInvitation, hubDue, inviteNext, takeAnswer } from "../../../src/providers/hub/queue.ts";
import { acquire, exchange, release } from "../../../src/providers/hub/slots.ts";
import type { Candidate, InstanceSpec, LookReport, Offering } from "../../../src/providers/hub/spec.ts";
import { beginLook, takeLook } from "../../../src/providers/hub/take-look.ts";

export const NOW = Date.UTC(2026, 10, 1);
export const ANSWERED: CallEnd = { kind: "answered", latencyMs: 100 };
export const FAILED: CallEnd = { kind: "failed", code: "connection_failed" };
export const UNUSED: CallEnd = { kind: "unused" };
export const busyFor = (retryAfterMs: number): CallEnd => ({
  kind: "failed",
  code: "provider_unavailable",
  retryAfterMs,
});

/** `offering: undefined` is one that nobody has looked at. */
export type Given = Partial<InstanceSpec> & { id: string; offering?: Offering | undefined };

export function specOf({ offering: _, ...given }: Given): InstanceSpec {
  const url = `http://${given.id}.example:11434`;
  return { kind: "ollama", url, source: "registered", weight: 1, tags: [], allowPull: false, ...given };
}

export const memberOf = (given: Given): Member => makeMember(specOf(given), NOW, given.offering);

let count = 0;

export function question(runId: string, more: Partial<Acquire> = {}): Acquire {
  const need = more.need ?? { protocol: "llm/v1" };
  const token = `${runId}/task-${count++}#1/session`;
  return { token, runId, need, lane: JSON.stringify(need), priority: "normal", avoid: [], ...more };
}

const EMPTY: HubInvitation[] = [];

type Options = { protocol?: string; strategy?: Strategy };
export type Scene = ReturnType<typeof sceneOf>;

/** All were looked at a moment ago: what nobody offers now, nobody will be found to offer. */
export function sceneOf(instances: Given[], { protocol = "llm/v1", strategy }: Options = {}) {
  const scene = newSceneOf(instances, { protocol, ...(strategy === undefined ? {} : { strategy }) }, {});
  beginLook(scene.hub, [], NOW - 1);
  scene.report({});
  return scene;
}

/** Nobody has looked yet. */
export function newSceneOf(
  instances: Given[],
  { protocol = "llm/v1", strategy }: Options = {},
  usually?: Offering,
) {
  const hub: Hub = makeHub(protocol, strategy);
  const scene = {
    hub,
    now: NOW,
    /** All that were sent, the last one first. */
    invitations: EMPTY,
    pass: (ms: number): void => {
      scene.now += ms;
    },
    put: (given: Given): Member =>
      putInstance(hub, specOf(given), scene.now, "offering" in given ? given.offering : usually),
    member: (id: string): Member => found(hub.members.get(id), id),
    ask: (runId: string, more: Partial<Acquire> = {}): Grant =>
      acquire(hub, question(runId, more), scene.now),
    /** Where a question is granted; else what is answered. */
    place: (runId: string, more: Partial<Acquire> = {}): string => placeOf(scene.ask(runId, more)),
    /** Takes a slot that is there. */
    take: (runId: string, more: Partial<Acquire> = {}): HeldSlot => {
      const asked = question(runId, more);
      const grant = acquire(hub, asked, scene.now);
      expect(grant.kind).toBe("granted");
      return { token: asked.token, runId, instance: placeOf(grant) };
    },
    end: (slot: HeldSlot, end: CallEnd = UNUSED): void => release(hub, [{ ...slot, end }], scene.now),
    move: (slot: HeldSlot, avoid: string[] = [], more: Partial<Acquire> = {}): Grant => {
      const asked = question(slot.runId, { token: slot.token, avoid: [...avoid, slot.instance], ...more });
      return exchange(hub, { ...slot, end: FAILED }, asked, scene.now);
    },
    /** The runs that are invited now. */
    invite: (): string[] => {
      const invited = inviteNext(hub, scene.now);
      scene.invitations = [...invited.toReversed(), ...scene.invitations];
      return invited.map(({ waiting }) => waiting.runId);
    },
    /** What the run says to its last invitation. */
    answer: (runId: string, answer: SlotAnswer): void => {
      const last = scene.invitations.find(({ waiting }) => waiting.runId === runId);
      takeAnswer(hub, found(last, `invitation of ${runId}`), answer, scene.now);
    },
    decline: (runId: string): void => scene.answer(runId, { isWanted: false }),
    due: (): number => hubDue(hub, scene.now),
    look: (candidates: Candidate[] = []) => beginLook(hub, candidates, scene.now),
    report: (report: Partial<LookReport>) => {
      const { underWay } = hub.looks;
      const look = underWay === undefined ? {} : { look: underWay.id };
      const whole = { protocol, instances: [], found: [], notFound: [], ...look, ...report };
      return takeLook(hub, whole, scene.now);
    },
    /** Somebody looked at the instance. */
    seen: (id: string, isHealthy = true, offering?: Offering) => {
      const { url } = scene.member(id).spec;
      const health = isHealthy
        ? { healthy: true as const }
        : { healthy: false as const, reason: "no answer" };
      const seen = { id, url, health, latencyMs: 5 };
      const instances = [offering === undefined ? seen : { ...seen, offering }];
      return takeLook(hub, { protocol, instances, found: [], notFound: [] }, scene.now);
    },
    /** Its breaker opens. */
    fail: (id: string, times = 5, end: CallEnd = FAILED): void => {
      for (let call = 0; call < times; call++) {
        release(hub, [{ token: `failed-${call}`, runId: "x", instance: id, end }], scene.now);
      }
    },
  };
  for (const given of instances) scene.put(given);
  return scene;
}

/** Two places, both taken. */
export function fullScene(): { scene: Scene; slot: HeldSlot; other: HeldSlot } {
  const scene = sceneOf([{ id: "spark", maxConcurrent: 2 }]);
  return { scene, slot: scene.take("busy-1"), other: scene.take("busy-2") };
}

/** Frees a slot and tells whom it is kept for. */
export function free(scene: Scene, slot: HeldSlot): string[] {
  scene.end(slot);
  return scene.invite();
}

/** Calls of one run each, so many of them at a time: how many went to each instance. */
export function serve(scene: Scene, calls: number, atATime = 3): Map<string, number> {
  const counts = new Map<string, number>([...scene.hub.members.keys()].map((id) => [id, 0]));
  const running: HeldSlot[] = [];
  for (let call = 0; call < calls; call++) {
    const oldest = running.length < atATime ? undefined : running.shift();
    if (oldest !== undefined) scene.end(oldest, ANSWERED);
    scene.pass(1);
    const slot = scene.take(`run-${count++}`);
    counts.set(slot.instance, (counts.get(slot.instance) ?? 0) + 1);
    running.push(slot);
  }
  for (const slot of running) scene.end(slot, ANSWERED);
  return counts;
}

export function placeOf(grant: Grant): string {
  return grant.kind === "granted" ? grant.instance.id : grant.kind;
}

export function errorOf(grant: Grant): { code: string; message: string } {
  return grant.kind === "refused" ? grant.error : { code: grant.kind, message: "" };
}

export function found<Value>(value: Value | undefined, name: string): Value {
  if (value === undefined) throw new Error(`there is no ${name}`);
  return value;
}
