/**
 * History as a Durable Object, by one of three names: `durable` and `memory` are backends of their own, `waiting` holds
 * what D1 has not taken and brings it there when D1 is back.
 */
import { DurableObject } from "cloudflare:workers";
import { GleitzeitError } from "../contract/error.ts";
import type { RunId } from "../contract/id.ts";
import { LIMITS, TIMING } from "../contract/limits.ts";
import type { Env } from "../env.ts";
import type { HistoryName, HistoryRpc } from "../stubs.ts";
import { d1History } from "./d1.ts";
import { drainPage } from "./drain.ts";
import { durableHistory } from "./durable.ts";
import { memoryHistory } from "./memory.ts";
import type {
  ListedRuns,
  Projection,
  RunCounts,
  RunFilter,
  RunHistory,
  RunPage,
  RunVersion,
} from "./run-history.ts";

const MEMORY: HistoryName = "memory";
const WAITING: HistoryName = "waiting";
/** Since when something waits, in ms since 1970; there while something does. */
const SINCE = "since";
/** A timer keeps an object: memory is not forgotten between two questions, as it is after some ten seconds without one. */
const STAY_MS = 5000;

export class HistoryObject extends DurableObject<Env> implements HistoryRpc {
  readonly #history: RunHistory =
    this.ctx.id.name === MEMORY ? memoryHistory() : durableHistory(this.ctx.storage);
  /** How often in a row nothing was taken. */
  #failures = 0;
  /** Where the next page begins that goes to D1. */
  #after: RunId | undefined;

  /** An alarm that was lost all the same is set again by whoever asks next. */
  constructor(context: DurableObjectState, env: Env) {
    super(context, env);
    if (context.id.name === MEMORY) setInterval(() => {}, STAY_MS);
    if (context.storage.kv.get(SINCE) === undefined) return;
    context.blockConcurrencyWhile(() => this.#setMissingAlarm());
  }

  /**
   * Whatever breaks off in between, there is an alarm where something waits: it is set before, and again after where what
   * waited before has gone meanwhile.
   */
  async write(batch: readonly Projection[], replaced?: readonly RunVersion[]): Promise<void> {
    if (this.ctx.id.name !== WAITING) return await this.#history.write(batch, replaced);
    await this.#refuseMore(batch.length);
    await this.#drainSoon();
    await this.#history.write(batch);
    await this.#drainSoon();
  }

  list(filter: RunFilter, page: RunPage): Promise<ListedRuns> {
    return this.#history.list(filter, page);
  }

  read(id: RunId): Promise<Projection | undefined> {
    return this.#history.read(id);
  }

  count(): Promise<RunCounts> {
    return this.#history.count();
  }

  takeSilent(before: number, now: number, limit: number): Promise<RunId[]> {
    return this.#history.takeSilent(before, now, limit);
  }

  prune(before: number, limit: number): Promise<number> {
    return this.#history.prune(before, limit);
  }

  page(after: RunId | undefined): Promise<Projection[]> {
    return this.#history.page(after);
  }

  remove(versions: readonly RunVersion[]): Promise<void> {
    return this.#history.remove(versions);
  }

  async waiting(): Promise<{ runs: number; since: number | undefined }> {
    const runs = await this.#count();
    return { runs, since: runs === 0 ? undefined : this.ctx.storage.kv.get<number>(SINCE) };
  }

  /** Never throws: the platform stops calling after six times. */
  override async alarm(): Promise<void> {
    try {
      await this.#drain();
    } catch (error) {
      console.error("history: what waits could not be moved", String(error));
      await this.#drainLater();
    }
  }

  async #drain(): Promise<void> {
    const drained = await drainPage(this.#history, d1History(this.env.DB), this.#after);
    this.#after = drained.after;
    if (!drained.isOver && drained.written === 0) return await this.#drainLater();
    this.#failures = 0;
    // Something may have come after the last page was asked for.
    const isMore = !drained.isOver || (await this.#count()) > 0;
    if (isMore) return await this.ctx.storage.setAlarm(Date.now());
    this.ctx.storage.kv.delete(SINCE);
  }

  /** The first pause is twice the time that passed before the first attempt. */
  async #drainLater(): Promise<void> {
    const pauseMs = Math.min(TIMING.drainMs * 2 ** ++this.#failures, TIMING.drainMaxMs);
    await this.ctx.storage.setAlarm(Date.now() + pauseMs);
  }

  async #drainSoon(): Promise<void> {
    const { kv } = this.ctx.storage;
    if (kv.get(SINCE) === undefined) kv.put(SINCE, Date.now());
    await this.#setMissingAlarm();
  }

  async #setMissingAlarm(): Promise<void> {
    const { storage } = this.ctx;
    if ((await storage.getAlarm()) === null) await storage.setAlarm(Date.now() + TIMING.drainMs);
  }

  /** Who is turned away asks again, for as long as it takes: its run keeps everything. */
  async #refuseMore(runs: number): Promise<void> {
    if ((await this.#count()) + runs <= LIMITS.waitingRuns) return;
    const message = `history: ${LIMITS.waitingRuns} runs wait for the database already; they keep what happens themselves`;
    throw new GleitzeitError("unavailable", message);
  }

  async #count(): Promise<number> {
    const counts = await this.#history.count();
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }
}
