/** An executor: the real session (src/dispatch/session.ts), with provider calls and RPC played by the world. */
import { makeTaskError, retryingOf } from "../../src/contract/error.ts";
import type { Tried } from "../../src/contract/event.ts";
import { encodeJson } from "../../src/contract/json.ts";
import { CAPACITY, TIMING } from "../../src/contract/limits.ts";
import {
  type Acquire,
  type AttemptRef,
  attemptKey,
  type CallEnd,
  type Grant,
  type Outcome,
  type Push,
  type SyncAnswer,
} from "../../src/contract/sync.ts";
import {
  type Call,
  dropAll,
  end,
  giveBack,
  grant,
  hasNews,
  isIdle,
  makeSession,
  nextSync,
  type Offer,
  type Session,
  takeAnswer,
} from "../../src/dispatch/session.ts";
import type { SimHub } from "./sim-hub.ts";
import type { SimRun } from "./sim-run.ts";
import type { World } from "./world.ts";

/** What a provider makes of a call: after `delayMs`, this. */
export type Provider = (call: Call, instance: string) => { delayMs: number; outcome: Outcome };

/** A slot it has: what it asked for, and where it got it. */
type Slot = { asked: Acquire; instance: string; isMoving?: boolean };

type Service = {
  session: Session;
  run: SimRun;
  /** By attempt. */
  slots: Map<string, Slot>;
  /** Calls under way, by attempt, and the generation of the run that made them. */
  calling: Map<string, number>;
  /** When the sync in flight was sent first, and when the last answered one was: the lease counts from there. */
  spokeAt: number;
  heardAt: number;
};

export class SimExecutor {
  readonly #name: string;
  readonly #world: World;
  readonly #hub: SimHub;
  readonly #provider: Provider;
  readonly #called: (run: SimRun, call: Call) => void;
  #services = new Map<string, Service>();
  #sessions = 0;

  constructor(
    name: string,
    world: World,
    hub: SimHub,
    provider: Provider,
    called: (run: SimRun, call: Call) => void,
  ) {
    this.#name = name;
    this.#world = world;
    this.#hub = hub;
    this.#provider = provider;
    this.#called = called;
  }

  get isIdle(): boolean {
    return this.#services.size === 0;
  }

  /**
   * The attempts of this task whose calls are under way here, in this generation. Who cancels a run and runs it again
   * at once may be faster than a lost word to its executor, which hears of it with its next sync.
   */
  callsOf(run: SimRun, taskId: string): number {
    const all = [...this.#services.values()].filter((service) => service.run === run);
    const calls = all.flatMap(({ calling }) => [...calling]);
    return calls.filter(([key, generation]) => key.startsWith(`${taskId}#`) && generation === run.generation)
      .length;
  }

  go(run: SimRun): "taken" | "full" {
    if (this.#room({ isExpected: false }) === 0) return "full";
    const serving = [...this.#services.values()].find((service) => service.run === run);
    if (serving !== undefined) {
      serving.session.invitations++;
      this.#speak(serving);
      return "taken";
    }
    const session = makeSession(`${this.#name}.${this.#sessions++}`);
    const service: Service = {
      session,
      run,
      slots: new Map(),
      calling: new Map(),
      spokeAt: 0,
      heardAt: this.#world.now,
    };
    this.#services.set(session.name, service);
    this.#speak(service);
    this.#renew(service);
    return "taken";
  }

  /** Whether there is such a session. */
  push({ session, drop }: Push): boolean {
    const service = this.#services.get(session);
    if (service === undefined) return false;
    this.#drop(service, dropAll(service.session, drop));
    this.#speak(service);
    return true;
  }

  /** The process is gone, with all it held; slots and attempts are forgotten by everybody but run and hub. */
  #die(): void {
    this.#services = new Map();
  }

  #speak(service: Service): void {
    const { session } = service;
    const mayTakeMore = session.more && this.#room() > 0;
    if (!this.#isAlive(service) || session.inFlight !== undefined) return;
    if (isIdle(session)) this.#services.delete(session.name);
    else if (hasNews(session) || mayTakeMore) this.#sync(service);
  }

  #sync(service: Service): void {
    const { session, run } = service;
    if (session.inFlight === undefined) service.spokeAt = this.#world.now;
    const calls = Math.min(this.#room(), CAPACITY.unansweredCalls);
    const request = nextSync(session, { calls, instant: CAPACITY.instantPerSync });
    this.#world.call(
      () => run.sync(structuredClone(request)),
      (answer) => this.#answered(service, answer),
      () => this.#unanswered(service),
    );
  }

  #answered(service: Service, answer: SyncAnswer): void {
    if (!this.#isAlive(service)) return;
    if (this.#world.fault("executorDies")) return this.#die();
    service.heardAt = service.spokeAt;
    const { calls, offers, drops } = takeAnswer(service.session, answer);
    requireAll(service);
    this.#drop(service, drops);
    for (const call of calls) this.#carryOut(service, call);
    if (offers.length > 0) this.#ask(service, offers);
    this.#speak(service);
    this.#roomGrew();
  }

  /** Sessions whose runs have more speak again. */
  #roomGrew(): void {
    for (const service of this.#services.values()) if (service.session.more) this.#speak(service);
  }

  #unanswered(service: Service): void {
    if (!this.#isAlive(service)) return;
    this.#world.after(this.#world.chance.between(50, 500), () => {
      if (this.#isAlive(service)) this.#sync(service);
    });
    this.#world.after(Math.max(0, service.heardAt + TIMING.leaseAbortMs - this.#world.now), () => {
      const isLate = this.#world.now - service.heardAt >= TIMING.leaseAbortMs;
      if (isLate && service.session.inFlight !== undefined && this.#isAlive(service)) this.#giveUp(service);
    });
  }

  #carryOut(service: Service, call: Call): void {
    service.calling.set(attemptKey(call), service.run.generation);
    this.#called(service.run, call);
    this.#callAt(service, call, { tried: [], leftMs: call.timeoutMs });
  }

  /** A call at the slot's instance; one that fails in a fault of the way moves on, as in src/dispatch/attempt.ts. */
  #callAt(service: Service, call: Call, { tried, leftMs }: { tried: Tried[]; leftMs: number }): void {
    const key = attemptKey(call);
    const slot = service.slots.get(key);
    const { delayMs, outcome } = this.#provider(call, slot?.instance ?? "");
    const isInTime = delayMs < leftMs;
    this.#world.after(Math.min(delayMs, leftMs), () => {
      if (!this.#isAlive(service) || !service.calling.has(key)) return;
      const ended: Outcome = isInTime
        ? outcome
        : { kind: "failed", error: makeTaskError("timeout", "too slow") };
      if (slot === undefined || !mayMove(ended)) return this.#finish(service, call, ended);
      this.#moveOn(service, call, slot, (grant) => {
        if (!this.#isAlive(service) || !service.calling.has(key)) return;
        if (grant.kind === "refused") return this.#finish(service, call, ended);
        const more = [
          ...tried,
          { instance: slot.instance, code: "unavailable" as const, message: "it failed" },
        ];
        if (grant.kind === "granted")
          return this.#callAt(service, call, { tried: more, leftMs: leftMs - delayMs });
        this.#finish(service, call, { kind: "returned", reason: "no_slot", tried: more });
      });
    });
  }

  #moveOn(service: Service, call: Call, slot: Slot, then: (grant: Grant) => void): void {
    const asked = { ...slot.asked, avoid: [...slot.asked.avoid, slot.instance] };
    const key = attemptKey(call);
    slot.isMoving = true;
    const take = (grant: Grant) => {
      const isWanted = this.#isAlive(service) && service.slots.get(key) === slot;
      if (isWanted) service.slots.delete(key);
      if (grant.kind === "granted") {
        const moved = { asked, instance: grant.instance.id };
        if (isWanted) service.slots.set(key, moved);
        else if (this.#isAlive(service)) this.#giveBack(moved);
      }
      then(grant);
    };
    this.#world.call(
      () => this.#hub.exchange({ ...heldOf(slot), end: endOf("failed") }, asked),
      take,
      () => take({ kind: "parked" }),
    );
  }

  #finish(service: Service, call: Call, outcome: Outcome): void {
    service.calling.delete(attemptKey(call));
    this.#release(service, call, endOf(outcome.kind));
    end(service.session, call, outcome);
    this.#speak(service);
    this.#roomGrew();
  }

  #ask(service: Service, offers: Offer[]): void {
    const asked = offers.map((offer) => ({
      token: `${service.run.definition.id}/${attemptKey(offer)}/${service.session.name}`,
      runId: service.run.definition.id,
      need: offer.need,
      lane: offer.lane,
      priority: offer.priority,
      avoid: offer.avoid,
    }));
    const take = (grants: Grant[]) => {
      if (!this.#isAlive(service)) return;
      offers.forEach((offer, index) => {
        const one = grants[index] ?? { kind: "parked" as const };
        const question = asked[index];
        if (one.kind === "granted" && question !== undefined)
          this.#takeSlot(service, offer, { asked: question, instance: one.instance.id });
        else if (one.kind === "refused") giveBack(service.session, offer, { ...one, kind: "failed" });
        else giveBack(service.session, offer, { kind: "returned", reason: "parked" });
      });
      this.#speak(service);
    };
    this.#world.call(
      () => this.#hub.acquire(asked),
      take,
      () => take([]),
    );
  }

  #takeSlot(service: Service, offer: Offer, slot: Slot): void {
    const taken = grant(service.session, offer, slot.instance);
    if (taken === "taken") service.slots.set(attemptKey(offer), slot);
    if (taken === "unwanted") this.#giveBack(slot);
  }

  #release(service: Service, ref: AttemptRef, end: CallEnd): void {
    const slot = service.slots.get(attemptKey(ref));
    if (slot === undefined) return;
    service.slots.delete(attemptKey(ref));
    this.#giveBack(slot, end);
  }

  #giveBack(slot: Slot, end: CallEnd = { kind: "unused" }): void {
    this.#world.call(
      () => this.#hub.release([{ ...heldOf(slot), end }]),
      () => {},
      () => {},
    );
  }

  #drop(service: Service, refs: AttemptRef[]): void {
    for (const ref of refs) {
      service.calling.delete(attemptKey(ref));
      this.#release(service, ref, { kind: "unused" });
    }
  }

  #giveUp(service: Service): void {
    for (const slot of service.slots.values()) this.#giveBack(slot);
    this.#services.delete(service.session.name);
  }

  #renew(service: Service): void {
    this.#world.after(TIMING.renewMs, () => {
      if (!this.#isAlive(service)) return;
      if (service.session.inFlight === undefined) this.#sync(service);
      const settled = [...service.slots.values()].filter(({ isMoving = false }) => !isMoving);
      this.#hub.renew(settled.map(heldOf));
      this.#renew(service);
    });
  }

  /** `isExpected`: what answers on their way may bring takes room too. */
  #room({ isExpected } = { isExpected: true }): number {
    let held = 0;
    let asking = 0;
    for (const { session, calling } of this.#services.values()) {
      held += calling.size;
      if (isExpected) asking += session.inFlight?.room.calls ?? 0;
      for (const { phase } of session.items.values()) if (phase !== "called") asking++;
    }
    // A call in the simulation has its headers when it ends.
    return Math.max(0, CAPACITY.unansweredCalls - held - asking);
  }

  #isAlive(service: Service): boolean {
    return this.#services.get(service.session.name) === service;
  }
}

/** After an answer a session has all that it was given, or has something to say of it: nothing is stranded. */
function requireAll({ session, run }: Service): void {
  const said = new Set(session.ended.map(attemptKey));
  for (const ref of run.given(session.name)) {
    const key = attemptKey(ref);
    if (!session.items.has(key) && !said.has(key))
      throw new Error(`broken: ${session.name} was given ${key} and lacks it`);
  }
}

const heldOf = ({ asked, instance }: Slot) => ({ token: asked.token, runId: asked.runId, instance });

/** The model's methods are idempotent: every fault of the way may go elsewhere, but for the attempt's own time. */
function mayMove(outcome: Outcome): boolean {
  if (outcome.kind !== "failed") return false;
  const { code } = outcome.error;
  return (
    code === "model_not_found" || (retryingOf(code) === "way" && code !== "timeout" && code !== "internal")
  );
}

function endOf(kind: Outcome["kind"]): CallEnd {
  if (kind === "returned") return { kind: "unused" };
  return kind === "failed" ? { kind, code: "connection_failed" } : { kind: "answered", latencyMs: 1 };
}

export const done = (value: { [key: string]: string }): Outcome => ({
  kind: "completed",
  result: encodeJson(value),
});
