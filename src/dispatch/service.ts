/**
 * One executor's service for one run: sync, do what the answer says, and again until nothing is left. One sync is in
 * flight at most; what ends meanwhile rides along with the next.
 */
import type { LiveEvent } from "../contract/event.ts";
import type { RunId } from "../contract/id.ts";
import { TIMING } from "../contract/limits.ts";
import {
  type AttemptRef,
  attemptKey,
  type CallEnd,
  type Outcome,
  type Push,
  type Room,
  type SyncAnswer,
  type SyncRequest,
} from "../contract/sync.ts";
import type { Env } from "../env.ts";
import { openInstance } from "../providers/endpoint.ts";
import { runStub } from "../stubs.ts";
import { carryOut } from "./attempt.ts";
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
import { type Answer, Slots } from "./slots.ts";
import { TokenBuffer } from "./tokens.ts";

export type ServiceOptions = {
  env: Env;
  runId: RunId;
  session: string;
  /** The executor's: it counts calls without headers, and goes nowhere that it may not. */
  fetch: typeof fetch;
  /** What the executor can begin, over all its sessions. */
  room: () => Room;
  /** There is room again, for whichever run has work. */
  roomGrew: () => void;
};

const REPEAT_MOST_MS = 2000;

export class Service {
  readonly runId: RunId;
  readonly #options: ServiceOptions;
  readonly #session;
  readonly #slots: Slots;
  readonly #calls = new Map<string, { abort: AbortController; bytes: number }>();
  readonly #tokens: TokenBuffer;
  #stub: ReturnType<typeof runStub> | undefined;
  #heardAt = Date.now();
  #breathedAt = Date.now();
  #wake: () => void = () => {};

  constructor(options: ServiceOptions) {
    this.runId = options.runId;
    this.#options = options;
    this.#session = makeSession(options.session);
    this.#slots = new Slots(options.env, options.runId, options.session);
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

  /** Offers it has not begun. */
  get offered(): number {
    let offered = 0;
    for (const { phase } of this.#session.items.values()) if (phase !== "called") offered++;
    return offered;
  }

  /** Offers that an answer on its way may bring. */
  get expected(): number {
    return this.#session.inFlight?.room.calls ?? 0;
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
        await this.#breathe();
        const answer = await this.#sync();
        if (answer === undefined) return this.#giveUp();
        const orders = takeAnswer(this.#session, answer);
        // It kept room for offers that have not come: others may have a use for it.
        this.#options.roomGrew();
        this.#tokens.follow(answer.follow);
        await this.#obey(orders);
        await this.#untilNews();
      }
    } catch (error) {
      console.error("executor: session broke off", error);
      this.#giveUp();
    }
  }

  /** Where all objects share a thread, tasks that end at once would keep it from every request until none is left. */
  async #breathe(): Promise<void> {
    if (Date.now() - this.#breathedAt < TIMING.breathMs) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#breathedAt = Date.now();
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
    await Promise.all(started.filter((_, index) => calls[index]?.instance === undefined));
  }

  async #start(call: Call): Promise<void> {
    const key = attemptKey(call);
    const instance = this.#slots.instanceFor(call);
    // The run took the offer back while the slot was on its way, and has made it again since.
    if (call.instance !== undefined && instance === undefined) {
      return this.#finish(call, { kind: "returned", reason: "no_slot" });
    }
    const abort = new AbortController();
    this.#calls.set(key, { abort, bytes: call.params.byteLength });
    const { outcome, end } = await carryOut(call, {
      instance,
      open: (one) => openInstance(call.protocol, one, this.#options.env),
      moveOn: (failed) => this.#slots.exchange(call, failed),
      signal: abort.signal,
      fetch: this.#options.fetch,
      emit: (text) => this.#tokens.add(call, text),
      restart: () => this.#tokens.restart(call),
      report: (progress) => this.#tokens.report(call, progress),
      siblings: () => this.#slots.siblings(call.protocol),
    });
    this.#slots.release(call, end);
    this.#finish(call, outcome);
  }

  #finish(ref: AttemptRef, outcome: Outcome): void {
    this.#calls.delete(attemptKey(ref));
    this.#tokens.forget(ref);
    if (end(this.#session, ref, outcome)) this.#wake();
    this.#options.roomGrew();
  }

  /** Asks the hubs for slots. Nobody waits for the answer. */
  #ask(offers: Offer[]): void {
    for (const [protocol, some] of Map.groupBy(offers, (offer) => offer.need.protocol)) {
      this.#slots.acquire(protocol, some).then((answers) => {
        for (const [offer, answer] of answers) this.#takeAnswer(offer, answer);
        this.#wake();
      });
    }
  }

  #takeAnswer(offer: Offer, answer: Answer): void {
    switch (answer.kind) {
      case "granted": {
        const taken = grant(this.#session, offer, answer.slot.instance.id);
        if (taken === "taken") this.#slots.put(offer, answer.slot);
        if (taken === "unwanted") this.#slots.giveBack(answer.slot);
        return;
      }
      case "refused": {
        const { error, retryAfterMs } = answer;
        const pause = retryAfterMs === undefined ? {} : { retryAfterMs };
        return giveBack(this.#session, offer, { kind: "failed", error, ...pause });
      }
      case "parked":
        return giveBack(this.#session, offer, { kind: "returned", reason: "parked" });
      default:
        throw new Error(`unknown answer ${JSON.stringify(answer satisfies never)}`);
    }
  }

  #drop(refs: AttemptRef[]): void {
    for (const ref of refs) {
      this.#calls.get(attemptKey(ref))?.abort.abort(new Error("the run has no use for it any more"));
      this.#calls.delete(attemptKey(ref));
      this.#tokens.forget(ref);
      this.#slots.release(ref, UNUSED);
    }
  }

  /** Until there is something to say, or it is time to renew the lease. Of all that are woken for the same room the first takes it. */
  async #untilNews(): Promise<void> {
    const renewAt = Date.now() + TIMING.renewMs;
    while (!this.#isTimeToSpeak() && Date.now() < renewAt) await this.#untilWoken(renewAt - Date.now());
  }

  #isTimeToSpeak(): boolean {
    const mayTakeMore = this.#session.more && this.#options.room().calls > 0;
    return hasNews(this.#session) || isIdle(this.#session) || mayTakeMore;
  }

  async #untilWoken(withinMs: number): Promise<void> {
    const sleptAt = Date.now();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
    // Woken sooner, it may have been by an object of the same thread.
    if (Date.now() - sleptAt >= TIMING.breathMs) this.#breathedAt = Date.now();
  }

  /** The run does not answer: it will count the attempts as lost, so they must end before it does. */
  #giveUp(): void {
    for (const { abort } of this.#calls.values()) abort.abort(new Error("the run does not answer"));
    this.#calls.clear();
    this.#slots.releaseAll();
    this.#session.items.clear();
  }

  #sendTokens(batch: LiveEvent[]): void {
    this.#run()
      .tokens(batch)
      .catch(() => {});
  }

  /** One stub for all: what is said over it arrives in order, the last tokens before the result. */
  #run(): ReturnType<typeof runStub> {
    this.#stub ??= runStub(this.#options.env, this.runId);
    return this.#stub;
  }
}

const UNUSED: CallEnd = { kind: "unused" };
