/** Our objects, each with a meter. */
import type { DurableObject } from "cloudflare:workers";
import type { Env } from "../../../src/env.ts";
import { countBindings } from "./bindings.ts";
import { Meter } from "./meter.ts";

type ObjectClass = new (ctx: DurableObjectState, env: Env) => DurableObject<Env>;

/** The same class, for the objects of a binding. */
export function countObject(binding: string, Base: ObjectClass): ObjectClass {
  const meters = new WeakMap<object, Meter>();
  class Counted extends Base {
    constructor(ctx: DurableObjectState, env: Env) {
      const meter = new Meter(binding, ctx);
      super(ctx, countBindings(env));
      meters.set(this, meter);
    }
  }
  for (const name of Object.getOwnPropertyNames(Base.prototype)) {
    if (name !== "constructor") countMethod(Counted.prototype, name, meters);
  }
  return Counted;
}

function countMethod(prototype: object, name: string, meters: WeakMap<object, Meter>): void {
  const method: unknown = Reflect.get(prototype, name);
  if (typeof method !== "function") return;
  function counting(this: object, ...args: unknown[]): unknown {
    const meter = meters.get(this);
    if (name === "alarm") meter?.ring();
    const act = (): unknown => Reflect.apply(Object(method), this, args);
    return meter === undefined ? act() : meter.during(act);
  }
  Object.defineProperty(prototype, name, { value: counting });
}
