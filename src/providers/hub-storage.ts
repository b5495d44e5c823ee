/** What a hub keeps: its instances with what they offer, its strategy, and when it is to be looked at next. */
import type { Strategy } from "../contract/provider.ts";
import type { KeptInstance } from "./hub/roster.ts";

/** `at` is when the alarm rings. */
export type Rhythm = { at: number; intervalMs: number };

const INSTANCE = "instance:";

export class HubStorage {
  readonly #kv: SyncKvStorage;
  #rhythm: Rhythm | undefined;

  constructor({ kv }: DurableObjectStorage) {
    this.#kv = kv;
    this.#rhythm = kv.get<Rhythm>("rhythm");
  }

  *instances(): Generator<KeptInstance> {
    for (const [, kept] of this.#kv.list<KeptInstance>({ prefix: INSTANCE })) yield kept;
  }

  keep(kept: KeptInstance): void {
    this.#kv.put(`${INSTANCE}${kept.spec.id}`, kept);
  }

  forget(id: string): void {
    this.#kv.delete(`${INSTANCE}${id}`);
  }

  get strategy(): Strategy | undefined {
    return this.#kv.get<Strategy>("strategy");
  }

  set strategy(strategy: Strategy) {
    this.#kv.put("strategy", strategy);
  }

  get rhythm(): Rhythm | undefined {
    return this.#rhythm;
  }

  set rhythm(rhythm: Rhythm) {
    this.#rhythm = rhythm;
    this.#kv.put("rhythm", rhythm);
  }
}
