/**
 * One executor's service for one run: sync, do what the answer says, and again until nothing is left. One sync is in
 * flight at most; what ends meanwhile rides along with the next.
 */
import type { TokenEvent } from "../contract/event.ts";
import type { RunId } from "../contract/id.ts";
import { TIMING } from "../contract/limits.ts";
import {
  type AttemptRef,
  attemptKey,
  type Grant,
  type Instance,
  type Outcome,
  type Push,
  type Room,
  type SyncAnswer,
  type SyncRequest,
} from "../contract/sync.ts";
import type { Env } from "../env.ts";
import { hubStub, runStub } from "../stubs.ts";
import { carryOut } from "./attempt.ts";
import { endpointOf } from "./endpoint.ts";
import { fetchWith, type Permits } from "./permits.ts";
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
  type Orders,
  takeAnswer,
  unsaidBytes,
} from "./session.ts";
import { TokenBuffer } from "./tokens.ts";

export type ServiceOptions = {
  env: Env;
  runId: RunId;
  session: string;
  permits: Permits;
  /** What the executor can begin, over all its sessions. */
  room: () => Room;
  /** There is room again, for whichever run has work. */
  roomGrew: () => void;
};

const REPEAT_MOST_MS = 2000;

type Slot = { token: string; protocol: string; instance: Instance };

export class Service {
  readonly runId: RunId;
  readonly #options: ServiceOptions;
  readonly #session;
  readonly #slots = new Map<string, Slot>();
  readonly #calls = new Map<string, { abort: AbortController; bytes: number }>();
  readonly #tokens: TokenBuffer;
  readonly #fetch: typeof fetch;
  #stub: ReturnType<typeof runStub> | undefined;
  #heardAt = Date.now();
  #renewedAt = Date.now();
  #wake: () => void = () => {};

  constructor(options: ServiceOptions) {
    this.runId = options.runId;
    this.#options = options;
    this.#session = makeSession(options.session);
    this.#fetch = fetchWith(options.permits, options.roomGrew);
    this.#tokens = new TokenBuffer((batch) => this.#sendTokens(batch));
  }

  /** Calls in its hands. */
  get held(): number {
    return this.#calls.size;
  }

  /** What these and their unsaid results weigh. */
  get heldBytes(): number {
    let bytes = unsaidBytes(this.#session);
    for (const call of this.#calls.values()) bytes += call.bytes;
    return bytes;
  }

  /** Offers it has not begun, and those an answer on its way may bring. */
  get asking(): number {
    let offered = 0;
    for (const { phase } of this.#session.items.values()) if (phase !== "called") offered++;
    return offered + (this.#session.inFlight?.room.calls ?? 0);
  }

  invite(): void {
    this.#session.invitations++;
    this.#wake();
  }

  push({ drop, follow }: Push): void {
    this.#drop(dropAll(this.#session, drop));
    // Without anything to drop it is a question for the text so far.
    this.#tokens.follow(follow, drop.length === 0);
    this.#wake();
  }

  roomGrew(): void {
    if (this.#session.more) this.#wake();
  }

  /** Until nothing is left to do. Never rejects. */
  async serve(): Promise<void> {
    try {
      while (!isIdle(this.#session)) {
        const answer = await this.#sync();
        if (answer === undefined) return this.#giveUp();
        const orders = takeAnswer(this.#session, answer);
        this.#tokens.follow(answer.follow);
        await this.#obey(orders);
        await this.#untilNews();
        this.#renewSlots();
      }
    } catch (error) {
      console.error("executor: session broke off", error);
      this.#giveUp();
    }
  }

  /** The run's answer; undefined when the lease is about to end without one. It counts from when a sync was sent. */
  async #sync(): Promise<SyncAnswer | undefined> {
    const request = nextSync(this.#session, this.#options.room());
    const sentAt = Date.now();
    const leftMs = () => this.#heardAt + TIMING.leaseAbortMs - Date.now();
    for (let delayMs = 50; leftMs() > 0; delayMs = Math.min(2 * delayMs, REPEAT_MOST_MS)) {
      const answer = await this.#trySync(request, leftMs());
      if (answer !== undefined) {
        this.#heardAt = sentAt;
        return answer;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.min(delayMs, leftMs())));
    }
    return undefined;
  }

  /** Evicted, deployed over, overloaded: the run comes back, and saying the same twice changes nothing. */
  async #trySync(request: SyncRequest, withinMs: number): Promise<SyncAnswer | undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(resolve, withinMs);
    const answer = this.#run()
      .sync(request)
      .catch(() => {
        this.#stub = undefined; // one that failed may stay broken
        return undefined;
      });
    return await Promise.race([answer, promise]).finally(() => clearTimeout(timer));
  }

  async #obey({ calls, offers, drops }: Orders): Promise<void> {
    this.#drop(drops);
    const started = calls.map((call) => this.#start(call));
    if (offers.length > 0) this.#ask(offers);
    // Tasks that need no provider end at once: they are reported together.
    const instant = started.filter((_, index) => !this.#slots.has(attemptKey(calls[index] ?? NO_REF)));
    await Promise.all(instant);
  }

  async #start(call: Call): Promise<void> {
    const key = attemptKey(call);
    const slot = this.#slots.get(key);
    // The run took the offer back while the slot was on its way, and has made it again since.
    if (call.instance !== undefined && slot === undefined) {
      return this.#finish(call, { kind: "returned", reason: "no_slot" });
    }
    const abort = new AbortController();
    this.#calls.set(key, { abort, bytes: call.params.byteLength });
    const outcome = await carryOut(call, {
      endpoint: slot && endpointOf(slot.instance, this.#options.env),
      signal: abort.signal,
      fetch: this.#fetch,
      emit: (text) => this.#tokens.add(call, text),
    });
    this.#finish(call, outcome);
  }

  #finish(ref: AttemptRef, outcome: Outcome): void {
    this.#calls.delete(attemptKey(ref));
    this.#tokens.forget(ref);
    this.#release(ref);
    if (end(this.#session, ref, outcome)) this.#wake();
    this.#options.roomGrew();
  }

  /** Asks the hubs for slots, one question for each. Nobody waits for the answer. */
  #ask(offers: Offer[]): void {
    for (const [protocol, some] of Map.groupBy(offers, (offer) => offer.need.protocol)) {
      this.#acquire(protocol, some).then(
        (grants) => this.#takeGrants(protocol, some, grants),
        () => this.#takeGrants(protocol, some, []),
      );
    }
  }

  async #acquire(protocol: string, offers: Offer[]): Promise<Grant[]> {
    const asked = offers.map((offer) => ({
      token: this.#token(offer),
      runId: this.runId,
      need: offer.need,
      lane: offer.lane,
      priority: offer.priority,
    }));
    return await hubStub(this.#options.env, protocol).acquire(asked);
  }

  #takeGrants(protocol: string, offers: Offer[], grants: Grant[]): void {
    for (const [index, offer] of offers.entries()) {
      const answer = grants[index] ?? { kind: "parked" as const };
      if (answer.kind === "granted")
        this.#takeSlot(offer, { ...answer, token: this.#token(offer), protocol });
      else if (answer.kind === "refused")
        giveBack(this.#session, offer, { kind: "failed", error: answer.error });
      else giveBack(this.#session, offer, { kind: "returned", reason: "parked" });
    }
    this.#wake();
  }

  #takeSlot(offer: Offer, slot: Slot): void {
    const taken = grant(this.#session, offer, slot.instance.id);
    if (taken !== "known") this.#slots.set(attemptKey(offer), slot);
    if (taken === "unwanted") this.#release(offer);
  }

  #release(ref: AttemptRef): void {
    const slot = this.#slots.get(attemptKey(ref));
    if (slot === undefined) return;
    this.#slots.delete(attemptKey(ref));
    // A lost release costs the hub a slot until its lease ends.
    hubStub(this.#options.env, slot.protocol)
      .release([slot.token])
      .catch(() => {});
  }

  /** As often as the lease of the run, however much news there is. */
  #renewSlots(): void {
    if (Date.now() < this.#renewedAt + TIMING.renewMs / 2) return;
    this.#renewedAt = Date.now();
    for (const [protocol, slots] of Map.groupBy(this.#slots.values(), (slot) => slot.protocol)) {
      hubStub(this.#options.env, protocol)
        .renew(slots.map(({ token }) => token))
        .catch(() => {});
    }
  }

  #drop(refs: AttemptRef[]): void {
    for (const ref of refs) {
      this.#calls.get(attemptKey(ref))?.abort.abort(new Error("the run has no use for it any more"));
      this.#calls.delete(attemptKey(ref));
      this.#tokens.forget(ref);
      this.#release(ref);
    }
  }

  /** Until there is something to say, or it is time to renew the lease. */
  async #untilNews(): Promise<void> {
    const mayTakeMore = () => this.#session.more && this.#options.room().calls > 0;
    if (hasNews(this.#session) || isIdle(this.#session) || mayTakeMore()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, TIMING.renewMs);
      this.#wake = () => {
        if (!hasNews(this.#session) && !isIdle(this.#session) && !mayTakeMore()) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  /** The run does not answer: it will count the attempts as lost, so they must end before it does. */
  #giveUp(): void {
    for (const { abort } of this.#calls.values()) abort.abort(new Error("the run does not answer"));
    this.#calls.clear();
    for (const slot of this.#slots.values()) {
      hubStub(this.#options.env, slot.protocol)
        .release([slot.token])
        .catch(() => {});
    }
    this.#slots.clear();
    this.#session.items.clear();
  }

  #sendTokens(batch: TokenEvent[]): void {
    this.#run()
      .tokens(batch)
      .catch(() => {});
  }

  #token(ref: AttemptRef): string {
    return `${this.runId}/${attemptKey(ref)}/${this.#session.name}`;
  }

  /** One stub for all: what is said over it arrives in order, the last tokens before the result. */
  #run(): ReturnType<typeof runStub> {
    this.#stub ??= runStub(this.#options.env, this.runId);
    return this.#stub;
  }
}

const NO_REF: AttemptRef = { taskId: "", attempt: 0 };
