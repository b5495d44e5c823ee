/**
 * The hub of one protocol as a Durable Object: load → decide → save → perform, as with a run. It answers at once and
 * never waits for a provider: executors look at the instances for it, and report.
 */
import { DurableObject } from "cloudflare:workers";
import { ADDRESS_VARIABLES } from "../addresses.ts";
import { GleitzeitError } from "../contract/error.ts";
import { LIMITS, TIMING } from "../contract/limits.ts";
import type { InstanceView, Strategy } from "../contract/provider.ts";
import type { Acquire, EndedSlot, Grant, HeldSlot, Instance } from "../contract/sync.ts";
import type { Env } from "../env.ts";
import { replyWith } from "../reply.ts";
import { settingsOf } from "../settings.ts";
import { executorStub, type HubRpc, lookerName, type Reply, runStub } from "../stubs.ts";
import { candidatesOf, configuredInstances } from "./discover.ts";
import { type Hub, makeHub, putInstance, removeInstance } from "./hub/hub.ts";
import { isStale } from "./hub/looks.ts";
import { instanceOf } from "./hub/member.ts";
import { type HubInvitation, hubDue, inviteNext, takeAnswer } from "./hub/queue.ts";
import { assemble, replacedBy } from "./hub/roster.ts";
import { acquire, exchange, release, renew } from "./hub/slots.ts";
import type { Candidate, InstanceSpec, LookReport } from "./hub/spec.ts";
import { beginLook, takeLook } from "./hub/take-look.ts";
import { viewInstance, viewInstances } from "./hub/view.ts";
import { HubStorage } from "./hub-storage.ts";

export class HubObject extends DurableObject<Env> implements HubRpc {
  readonly #storage = new HubStorage(this.ctx.storage);
  #hub: Hub | undefined;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #isUsed = false;

  acquire(asked: Acquire[]): Grant[] {
    const hub = this.#load();
    this.#use();
    const grants = asked.map((one) => acquire(hub, one, Date.now()));
    this.#perform(hub);
    return grants;
  }

  exchange(ended: EndedSlot, asked: Acquire): Grant {
    const hub = this.#load();
    const answer = exchange(hub, ended, asked, Date.now());
    this.#perform(hub);
    return answer;
  }

  renew(slots: HeldSlot[]): void {
    renew(this.#load(), slots, Date.now());
    this.#use();
  }

  release(ended: EndedSlot[]): void {
    const hub = this.#load();
    release(hub, ended, Date.now());
    this.#perform(hub);
  }

  list(): InstanceView[] {
    const hub = this.#load();
    const now = Date.now();
    this.#use();
    // Nothing is known of them since the object was loaded: who asks again hears.
    const isUnknown = [...hub.members.values()].some(({ health }) => health.status === "unknown");
    if (isUnknown && isStale(hub.looks, now)) this.#look(hub);
    return viewInstances(hub, now);
  }

  find(id: string): Instance | undefined {
    const member = this.#load().members.get(id);
    return member && instanceOf(member);
  }

  put(spec: InstanceSpec, strategy?: Strategy): Promise<Reply<InstanceView>> {
    return replyWith(() => {
      const hub = this.#load();
      const replaced = replacedBy(hub, spec);
      refuseMany(hub, spec.id, replaced.length);
      for (const other of replaced) this.#drop(hub, other);
      const member = putInstance(hub, spec, Date.now());
      this.#keep(hub, [spec.id]);
      if (strategy !== undefined) this.#storage.strategy = hub.strategy = strategy;
      this.#use();
      this.#perform(hub);
      return viewInstance(hub, member, Date.now());
    });
  }

  remove(id: string): Promise<Reply<boolean>> {
    return replyWith(() => {
      const hub = this.#load();
      refuseConfigured(hub, id);
      const isKnown = this.#drop(hub, id);
      this.#perform(hub);
      return isKnown;
    });
  }

  looked(report: LookReport): void {
    const hub = this.#load();
    const { changed, gone } = takeLook(hub, report, Date.now());
    this.#keep(hub, changed);
    for (const id of gone) this.#storage.forget(id);
    this.#perform(hub);
  }

  /** Never throws: the platform stops calling after six times. */
  override async alarm(): Promise<void> {
    try {
      this.#lookAgain(this.#load());
    } catch (error) {
      console.error("hub: alarm failed", error);
      await this.ctx.storage.setAlarm(Date.now() + TIMING.checkMs);
    }
  }

  /** As often as before where somebody asked meanwhile, else half as often. */
  #lookAgain(hub: Hub): void {
    const before = this.#storage.rhythm?.intervalMs ?? TIMING.checkMs;
    const intervalMs = this.#isUsed ? TIMING.checkMs : Math.min(2 * before, TIMING.checkMaxMs);
    this.#isUsed = false;
    this.#ringIn(intervalMs);
    this.#look(hub);
  }

  #load(): Hub {
    if (this.#hub !== undefined) return this.#hub;
    const now = Date.now();
    const hub = makeHub(this.ctx.id.name ?? "", this.#storage.strategy);
    const kept = [...this.#storage.instances()];
    const configured = configuredInstances(hub.protocol, settingsOf(this.env));
    for (const { spec, offering } of assemble(kept, configured)) putInstance(hub, spec, now, offering);
    for (const { spec } of kept) if (!hub.members.has(spec.id)) this.#storage.forget(spec.id);
    this.#hub = hub;
    // Created: see who is there.
    if (this.#storage.rhythm === undefined) this.#look(hub);
    return hub;
  }

  /** Somebody asks: from now on looks are frequent, where there is anything to look at. */
  #use(): void {
    this.#isUsed = true;
    const { rhythm } = this.#storage;
    // Also where it should have rung long ago: it was not set since there was nothing to look at, or it got lost.
    const isFar = rhythm === undefined || Math.abs(rhythm.at - Date.now()) > TIMING.checkMs;
    if (isFar) this.#ringIn(TIMING.checkMs);
  }

  #ringIn(intervalMs: number): void {
    if (this.#hub?.members.size === 0 && this.#candidates().length === 0) return;
    const at = Date.now() + intervalMs;
    this.#storage.rhythm = { at, intervalMs };
    void this.ctx.storage.setAlarm(at);
  }

  #drop(hub: Hub, id: string): boolean {
    this.#storage.forget(id);
    return removeInstance(hub, id);
  }

  #keep(hub: Hub, ids: string[]): void {
    for (const id of ids) {
      const member = hub.members.get(id);
      if (member === undefined) continue;
      const { spec, offering } = member;
      this.#storage.keep(offering === undefined ? { spec } : { spec, offering });
    }
  }

  #perform(hub: Hub): void {
    for (const invitation of inviteNext(hub, Date.now())) this.#invite(hub, invitation);
    if (hub.looks.isWanted) this.#look(hub);
    clearTimeout(this.#timer);
    const now = Date.now();
    const due = hubDue(hub, now);
    if (Number.isFinite(due)) this.#timer = setTimeout(() => this.#perform(hub), Math.max(1, due - now));
  }

  #invite(hub: Hub, invitation: HubInvitation): void {
    const { runId, lane } = invitation.waiting;
    runStub(this.env, runId)
      .slot(lane, invitation.reservation !== undefined)
      .then(
        (answer) => {
          takeAnswer(hub, invitation, answer, Date.now());
          this.#perform(hub);
        },
        // The run asks again by itself; the slot is kept until the reservation ends.
        () => {},
      );
  }

  #look(hub: Hub): void {
    const look = beginLook(hub, this.#candidates(), Date.now());
    if (look === undefined) return;
    if (look.instances.length + look.candidates.length === 0) {
      const nothing = { protocol: hub.protocol, look: look.id, instances: [], found: [], notFound: [] };
      takeLook(hub, nothing, Date.now());
      // Not within the call that asked: it has yet to be noted as waiting.
      queueMicrotask(() => this.#perform(hub));
      return;
    }
    // One that gets lost is given up by its time.
    this.#looker()
      .look(look)
      .catch(() => {});
  }

  #candidates(): Candidate[] {
    return candidatesOf(this.ctx.id.name ?? "", settingsOf(this.env));
  }

  #looker() {
    return executorStub(this.env, lookerName(this.ctx.id.name ?? ""));
  }
}

function refuseConfigured(hub: Hub, id: string): void {
  const { kind, source } = hub.members.get(id)?.spec ?? {};
  if (source !== "configured" || kind === undefined || kind === "jsonrpc") return;
  const variable = ADDRESS_VARIABLES[kind];
  const message = `instance "${id}" is named by ${variable}: take it out there, or register another under its name`;
  throw new GleitzeitError("conflict", message);
}

function refuseMany(hub: Hub, id: string, replaced: number): void {
  if (hub.members.has(id) || hub.members.size - replaced < LIMITS.instances) return;
  const message = `protocol ${hub.protocol} has ${LIMITS.instances} instances already: remove one first`;
  throw new GleitzeitError("conflict", message);
}
