/** An executor as a Durable Object: no storage, many calls. What it forgets when it dies, leases bring back. */
import { DurableObject } from "cloudflare:workers";
import { CAPACITY } from "../contract/limits.ts";
import type { Push } from "../contract/sync.ts";
import type { Env } from "../env.ts";
import type { ExecutorRpc } from "../stubs.ts";
import { makePermits } from "./permits.ts";
import { Service } from "./service.ts";

export class ExecutorObject extends DurableObject<Env> implements ExecutorRpc {
  /** Calls whose headers have not come, of all runs. */
  readonly #permits = makePermits(CAPACITY.unansweredCalls);
  readonly #services = new Map<string, Service>();

  go(name: string, runId: string): "taken" | "full" {
    if (this.#room() === 0) return "full";
    const serving = [...this.#services.values()].find((service) => service.runId === runId);
    if (serving !== undefined) serving.invite();
    else this.#serve(name, runId);
    return "taken";
  }

  push(push: Push): void {
    this.#services.get(push.session)?.push(push);
  }

  #serve(name: string, runId: string): void {
    const session = `${name}.${crypto.randomUUID()}`;
    const service = new Service({
      env: this.env,
      runId,
      session,
      permits: this.#permits,
      room: () => this.#room(),
      answered: () => this.#answered(),
    });
    this.#services.set(session, service);
    this.ctx.waitUntil(service.serve().finally(() => this.#services.delete(session)));
  }

  /** How many more calls can begin: bounded by connections without headers, and by calls in all. */
  #room(): number {
    let held = 0;
    let asking = 0;
    for (const service of this.#services.values()) {
      held += service.held;
      asking += service.asking;
    }
    return Math.max(0, Math.min(this.#permits.free - asking, CAPACITY.callsPerExecutor - held - asking));
  }

  /** A call got its headers: there is room for another, of whichever run has one. */
  #answered(): void {
    for (const service of this.#services.values()) service.roomGrew();
  }
}
