/** An executor as a Durable Object: no storage, many calls. What it forgets when it dies, leases bring back. */
import { DurableObject } from "cloudflare:workers";
import type { RunId } from "../contract/id.ts";
import { CAPACITY } from "../contract/limits.ts";
import type { Push, Room } from "../contract/sync.ts";
import type { Env } from "../env.ts";
import { openInstance } from "../providers/endpoint.ts";
import { guardFetch } from "../providers/guard.ts";
import type { Look } from "../providers/hub/spec.ts";
import { lookAround } from "../providers/look.ts";
import { settingsOf } from "../settings.ts";
import { type ExecutorRpc, hubStub } from "../stubs.ts";
import { fetchWith, makePermits } from "./permits.ts";
import { Service } from "./service.ts";

export class ExecutorObject extends DurableObject<Env> implements ExecutorRpc {
  /** Calls whose headers have not come, of all runs. */
  readonly #permits = makePermits(CAPACITY.unansweredCalls);
  readonly #fetch = guardFetch(
    fetchWith(this.#permits, () => this.#roomGrew()),
    { isLocal: settingsOf(this.env).isLocal },
  );
  readonly #services = new Map<string, Service>();

  go(runId: RunId): "taken" | "full" {
    if (this.#isFull()) return "full";
    const serving = [...this.#services.values()].find((service) => service.runId === runId);
    if (serving === undefined) this.#serve(runId);
    // Asked again with room for nothing it would be invited again at once, and so on without an end.
    else if (this.#roomFor(serving) === 0) return "full";
    else serving.invite();
    return "taken";
  }

  push(push: Push): boolean {
    const service = this.#services.get(push.session);
    service?.push(push);
    return service !== undefined;
  }

  look(look: Look): void {
    this.ctx.waitUntil(this.#lookFor(look).catch((error) => console.error("executor: a look failed", error)));
  }

  async #lookFor(look: Look): Promise<void> {
    const { isLocal } = settingsOf(this.env);
    const report = await lookAround(look, {
      isLocal,
      // Not under the permits of calls: a check must not wait for a model that loads.
      fetch: (...request) => fetch(...request),
      open: (instance) => openInstance(look.protocol, instance, this.env),
    });
    await hubStub(this.env, look.protocol).looked({ ...report, look: look.id });
  }

  #serve(runId: RunId): void {
    // By its name a run finds the executor of a session.
    const session = `${this.ctx.id.name}.${crypto.randomUUID()}`;
    const service = new Service({
      env: this.env,
      runId,
      session,
      fetch: this.#fetch,
      room: () => this.#room(),
      roomGrew: () => this.#roomGrew(),
    });
    this.#services.set(session, service);
    this.ctx.waitUntil(service.serve().finally(() => this.#services.delete(session)));
  }

  /** Nothing more fits, as far as is known: what answers on their way may bring is not there yet. */
  #isFull(): boolean {
    const { held, offered, bytes } = this.#load();
    const isBusy = this.#permits.free <= offered || held + offered >= CAPACITY.callsPerExecutor;
    return isBusy || bytes >= CAPACITY.bytesPerExecutor || this.#services.size >= CAPACITY.callsPerExecutor;
  }

  /** With what an answer on its way to this one may bring: it is its own. */
  #roomFor(serving: Service): number {
    return this.#room().calls + serving.expected;
  }

  /** What can begin: bounded by connections without headers, by calls in all, and by what they weigh. */
  #room(): Room {
    const { held, offered, expected, bytes } = this.#load();
    if (bytes >= CAPACITY.bytesPerExecutor) return { calls: 0, instant: 0 };
    const { callsPerExecutor, unansweredCalls, instantPerSync } = CAPACITY;
    const asking = offered + expected;
    const calls = Math.min(this.#permits.free - asking, callsPerExecutor - held - asking, unansweredCalls);
    return { calls: Math.max(0, calls), instant: instantPerSync };
  }

  #load(): { held: number; offered: number; expected: number; bytes: number } {
    const load = { held: 0, offered: 0, expected: 0, bytes: 0 };
    for (const service of this.#services.values()) {
      load.held += service.held;
      load.offered += service.offered;
      load.expected += service.expected;
      load.bytes += service.heldBytes;
    }
    return load;
  }

  #roomGrew(): void {
    for (const service of this.#services.values()) service.roomGrew();
  }
}
