/** The slots that one session has at the hubs: asked for, renewed, exchanged and given back. */
import type { RunId } from "../contract/id.ts";
import { TIMING } from "../contract/limits.ts";
import {
  type Acquire,
  type AttemptRef,
  attemptKey,
  type CallEnd,
  type Grant,
  type Instance,
} from "../contract/sync.ts";
import type { Env } from "../env.ts";
import type { Sibling } from "../providers/provider.ts";
import { hubStub } from "../stubs.ts";
import type { Next } from "./attempt.ts";
import type { Offer } from "./session.ts";

/** `asked` is kept: it is asked again when the call has to move on. */
type Slot = { protocol: string; asked: Acquire; instance: Instance; isMoving?: boolean };

/** What a hub said to an offer. */
export type Answer = { kind: "granted"; slot: Slot } | Exclude<Grant, { kind: "granted" }>;

export class Slots {
  readonly #env: Env;
  readonly #runId: RunId;
  readonly #session: string;
  readonly #slots = new Map<string, Slot>();
  /** One that failed is forgotten: it may stay broken. */
  readonly #hubs = new Map<string, ReturnType<typeof hubStub>>();
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(env: Env, runId: RunId, session: string) {
    this.#env = env;
    this.#runId = runId;
    this.#session = session;
  }

  /** One question to the hub for all of them. A hub that does not answer is one that has nothing free. */
  async acquire(protocol: string, offers: Offer[]): Promise<[Offer, Answer][]> {
    const asked = offers.map((offer) => this.#question(offer));
    const grants = await this.#hub(protocol)
      .acquire(asked)
      .catch((): Grant[] => {
        this.#hubs.delete(protocol);
        return [];
      });
    return offers.map((offer, index) => [offer, answerOf(protocol, asked[index], grants[index])]);
  }

  put(ref: AttemptRef, slot: Slot): void {
    this.#slots.set(attemptKey(ref), slot);
    this.#renewLater();
  }

  instanceFor(ref: AttemptRef): Instance | undefined {
    return this.#slots.get(attemptKey(ref))?.instance;
  }

  /** After a failure: a slot elsewhere, if there is one now. */
  async exchange(ref: AttemptRef, end: CallEnd): Promise<Next> {
    const key = attemptKey(ref);
    const slot = this.#slots.get(key);
    if (slot === undefined) return { kind: "refused" };
    const { protocol, instance } = slot;
    // Renewed at the old instance, it would be there again.
    slot.isMoving = true;
    const asked = { ...slot.asked, avoid: [...slot.asked.avoid, instance.id] };
    const ended = { ...this.#held(slot), end };
    const next = await this.#hub(protocol)
      .exchange(ended, asked)
      .catch((): Grant => {
        // The slot is given back by its lease.
        this.#hubs.delete(protocol);
        return { kind: "parked" };
      });
    // Dropped meanwhile: what was granted is nobody's.
    const isWanted = this.#slots.get(key) === slot;
    if (next.kind !== "granted") {
      this.#slots.delete(key);
      this.#rest();
      return { kind: next.kind };
    }
    const moved = { protocol, asked, instance: next.instance };
    if (isWanted) this.#slots.set(key, moved);
    else this.giveBack(moved);
    return isWanted ? next : { kind: "refused" };
  }

  release(ref: AttemptRef, end: CallEnd): void {
    const slot = this.#slots.get(attemptKey(ref));
    if (slot === undefined) return;
    this.#slots.delete(attemptKey(ref));
    this.giveBack(slot, end);
    this.#rest();
  }

  releaseAll(): void {
    for (const slot of this.#slots.values()) this.giveBack(slot);
    this.#slots.clear();
    this.#rest();
  }

  /** A release that gets lost costs the hub a slot until its lease ends. */
  giveBack(slot: Slot, end: CallEnd = { kind: "unused" }): void {
    this.#hub(slot.protocol)
      .release([{ ...this.#held(slot), end }])
      .catch(() => this.#hubs.delete(slot.protocol));
  }

  /** What the hub knows of a protocol's instances. */
  async siblings(protocol: string): Promise<Sibling[]> {
    const instances = await this.#hub(protocol).list();
    return instances.map(({ id, models = [], tools = [] }) => ({
      id,
      models: models.map(({ name }) => name),
      tools,
    }));
  }

  /** Often enough for their lease, whatever the run does meanwhile. */
  #renewLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#renew();
      this.#renewLater();
    }, TIMING.renewMs);
  }

  /** A timer that is pending keeps the object up, which is paid for. */
  #rest(): void {
    if (this.#slots.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #renew(): void {
    const settled = [...this.#slots.values()].filter(({ isMoving = false }) => !isMoving);
    for (const [protocol, slots] of Map.groupBy(settled, (slot) => slot.protocol)) {
      this.#hub(protocol)
        .renew(slots.map((slot) => this.#held(slot)))
        .catch(() => this.#hubs.delete(protocol));
    }
  }

  #question(offer: Offer): Acquire {
    const { need, lane, priority, avoid } = offer;
    const token = `${this.#runId}/${attemptKey(offer)}/${this.#session}`;
    return { token, runId: this.#runId, need, lane, priority, avoid };
  }

  #held({ asked, instance }: Slot) {
    return { token: asked.token, runId: this.#runId, instance: instance.id };
  }

  /** One stub for all: what is said over it arrives in order, a release after the renewal before it. */
  #hub(protocol: string): ReturnType<typeof hubStub> {
    const known = this.#hubs.get(protocol) ?? hubStub(this.#env, protocol);
    this.#hubs.set(protocol, known);
    return known;
  }
}

function answerOf(protocol: string, asked: Acquire | undefined, grant: Grant | undefined): Answer {
  if (asked === undefined || grant === undefined) return { kind: "parked" };
  return grant.kind === "granted"
    ? { kind: "granted", slot: { protocol, asked, instance: grant.instance } }
    : grant;
}
