/** The hub: the real one, with a memory that may go, over instances that fall ill and get well. */
import { TIMING } from "../../src/contract/limits.ts";
import type { Acquire, EndedSlot, Grant, HeldSlot } from "../../src/contract/sync.ts";
import { assess } from "../../src/providers/hub/assess.ts";
import { type Hub, makeHub, putInstance } from "../../src/providers/hub/hub.ts";
import { capacityOf } from "../../src/providers/hub/member.ts";
import { type HubInvitation, hubDue, inviteNext, takeAnswer } from "../../src/providers/hub/queue.ts";
import { acquire, exchange, release, renew } from "../../src/providers/hub/slots.ts";
import type { Look, LookReport } from "../../src/providers/hub/spec.ts";
import { beginLook, takeLook } from "../../src/providers/hub/take-look.ts";
import type { SimInstance } from "./sim-instance.ts";
import type { SimRun } from "./sim-run.ts";
import type { World } from "./world.ts";

export class SimHub {
  readonly #world: World;
  readonly #instances: SimInstance[];
  readonly #find: (runId: string) => SimRun;
  #hub: Hub;
  #hasForgotten = false;

  constructor(world: World, instances: SimInstance[], find: (runId: string) => SimRun) {
    this.#world = world;
    this.#instances = instances;
    this.#find = find;
    this.#hub = this.#load(false);
    this.#check();
  }

  acquire(asked: Acquire[]): Grant[] {
    if (this.#world.fault("hubForgets")) {
      this.#hub = this.#load(true);
      this.#hasForgotten = true;
    }
    const grants = asked.map((one) => acquire(this.#hub, one, this.#world.now));
    this.#perform();
    return grants;
  }

  exchange(ended: EndedSlot, asked: Acquire): Grant {
    const grant = exchange(this.#hub, ended, asked, this.#world.now);
    if (grant.kind === "granted" && asked.avoid.includes(grant.instance.id))
      throw new Error(`broken: a call that failed at ${grant.instance.id} is sent there again`);
    this.#perform();
    return grant;
  }

  isNoted(runId: string, lane: string): boolean {
    const { waiting, reserved } = this.#hub;
    return [...waiting.values(), ...reserved.values()].some(
      (one) => one.runId === runId && one.lane === lane,
    );
  }

  renew(slots: HeldSlot[]): void {
    renew(this.#hub, slots, this.#world.now);
  }

  release(ended: EndedSlot[]): void {
    release(this.#hub, ended, this.#world.now);
    this.#perform();
  }

  /** What was kept is known again: who there is, and what they offer. */
  #load(isKnown: boolean): Hub {
    const hub = makeHub("llm/v1");
    for (const { spec, models } of this.#instances)
      putInstance(hub, spec, this.#world.now, isKnown ? { models } : undefined);
    return hub;
  }

  #perform(): void {
    const hub = this.#hub;
    for (const invitation of inviteNext(hub, this.#world.now)) this.#invite(invitation);
    this.#requireOrder();
    if (hub.looks.isWanted) this.#look();
    const due = hubDue(hub, this.#world.now);
    if (!Number.isFinite(due)) return;
    if (due < this.#world.now) throw new Error("broken: the hub waits for what has been");
    this.#world.after(Math.max(1, due - this.#world.now), () => {
      if (hub === this.#hub && hubDue(hub, this.#world.now - 1) <= this.#world.now) this.#perform();
    });
  }

  /** Nobody waits in vain, and no instance has more than it takes. */
  #requireOrder(): void {
    const hub = this.#hub;
    for (const waiting of hub.waiting.values()) {
      const { kind } = assess(hub, waiting, this.#world.now);
      if (kind === "free" || kind === "refused")
        throw new Error(`broken: ${waiting.runId} waits although it is ${kind}`);
    }
    for (const member of hub.members.values()) {
      const slots = [...hub.slots.values(), ...hub.reserved.values()];
      const load = slots.filter(({ instance }) => instance === member.spec.id).length;
      if (load !== member.load) throw new Error(`broken: ${load} slots, the hub counts ${member.load}`);
      if (load > capacityOf(member) && !this.#hasForgotten)
        throw new Error(`broken: ${member.spec.id} has ${load} calls`);
    }
  }

  #invite(invitation: HubInvitation): void {
    const hub = this.#hub;
    const { waiting, reservation } = invitation;
    this.#world.call(
      () => this.#find(waiting.runId).slot(waiting.lane, reservation !== undefined),
      (answer) => {
        takeAnswer(hub, invitation, answer, this.#world.now);
        if (hub === this.#hub) this.#perform();
      },
      () => {},
    );
  }

  #check(): void {
    this.#world.after(TIMING.checkMs, () => {
      this.#look();
      this.#check();
    });
  }

  #look(): void {
    const look = beginLook(this.#hub, [], this.#world.now);
    if (look === undefined) return;
    const { chance } = this.#world;
    this.#world.after(chance.is(0.9) ? chance.between(1, 50) : chance.between(50, 6000), () => {
      const report = this.#see(look);
      const take = () => {
        takeLook(this.#hub, report, this.#world.now);
        this.#perform();
      };
      this.#world.call(
        take,
        () => {},
        () => {},
      );
    });
  }

  #see({ id, protocol }: Look): LookReport {
    const instances = this.#instances.map(({ spec, models, isDown }) => {
      const seen = { id: spec.id, url: spec.url, latencyMs: 1 };
      return isDown(this.#world.now)
        ? { ...seen, health: { healthy: false as const, reason: "down" } }
        : { ...seen, health: { healthy: true as const }, offering: { models } };
    });
    return { protocol, look: id, instances, found: [], notFound: [] };
  }
}
