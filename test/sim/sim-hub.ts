/** The hub: the real one, with a memory that may go. */
import type { Acquire, Grant } from "../../src/contract/sync.ts";
import {
  acquire,
  decline,
  type HubInstance,
  type HubInvitation,
  hubDue,
  inviteNext,
  makeHub,
  release,
  renew,
} from "../../src/providers/hub.ts";
import type { SimRun } from "./sim-run.ts";
import type { World } from "./world.ts";

export class SimHub {
  readonly #world: World;
  readonly #instance: HubInstance;
  readonly #find: (runId: string) => SimRun;
  #hub;

  constructor(world: World, instance: HubInstance, find: (runId: string) => SimRun) {
    this.#world = world;
    this.#instance = instance;
    this.#find = find;
    this.#hub = makeHub("llm/v1", instance);
  }

  acquire(asked: Acquire[]): Grant[] {
    if (this.#world.fault("hubForgets")) this.#hub = makeHub("llm/v1", this.#instance);
    const grants = asked.map((one) => acquire(this.#hub, one, this.#world.now));
    this.#perform();
    return grants;
  }

  renew(tokens: string[]): void {
    renew(this.#hub, tokens, this.#world.now);
  }

  release(tokens: string[]): void {
    release(this.#hub, tokens);
    this.#perform();
  }

  #perform(): void {
    for (const invitation of inviteNext(this.#hub, this.#world.now)) this.#invite(invitation);
    const due = hubDue(this.#hub);
    if (!Number.isFinite(due)) return;
    const hub = this.#hub;
    this.#world.after(Math.max(1, due - this.#world.now), () => {
      if (hub === this.#hub && hubDue(hub) <= this.#world.now) this.#perform();
    });
  }

  #invite(invitation: HubInvitation): void {
    this.#world.call(
      () => this.#find(invitation.runId).slot(invitation.lane),
      (isWanted) => {
        if (isWanted) return;
        decline(this.#hub, invitation);
        this.#perform();
      },
      () => {},
    );
  }
}
