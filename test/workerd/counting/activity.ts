/**
 * How long an object is kept in memory, which is what its duration is billed for: a handler that has not answered, work
 * behind `waitUntil`, and a timer, all of which keep it from hibernating.
 * https://developers.cloudflare.com/durable-objects/concepts/durable-object-lifecycle/
 */
import { hold, objectTally } from "./tally.ts";

/** Whose code runs now, as far as that is known: until the first `await` of a handler. */
let current: Activity | undefined;
/** Objects that work on behind `waitUntil`, the last one last. */
const serving = new Set<Activity>();

export class Activity {
  readonly #binding: string;
  #holds = 0;
  #since = 0;

  constructor(binding: string) {
    this.#binding = binding;
  }

  /** The object is kept until the function given back is called. */
  begin(): () => void {
    const release = hold();
    if (this.#holds++ === 0) this.#since = Date.now();
    let isHeld = true;
    return () => {
      release();
      if (isHeld && --this.#holds === 0) objectTally(this.#binding).activeMs += Date.now() - this.#since;
      isHeld = false;
    };
  }

  during<Result>(act: () => Result): Result {
    const before = current;
    current = this;
    try {
      return act();
    } finally {
      current = before;
    }
  }

  serve(work: Promise<unknown>): void {
    const end = this.begin();
    serving.add(this);
    const leave = () => {
      serving.delete(this);
      end();
    };
    work.then(leave, leave);
  }
}

type Timer = { activity: Activity; end: () => void };
const timers = new Map<unknown, Timer>();

/**
 * From now on timers keep their objects. One that is set out of a handler's sight is that of an object which works on
 * after its handlers have answered.
 */
export function countTimers(): void {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  Object.assign(globalThis, {
    setTimeout: (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      const activity = current ?? [...serving].at(-1);
      if (activity === undefined) return set(callback, ms, ...args);
      const timer: unknown = set(() => {
        activity.during(() => callback(...args));
        endTimer(timer);
      }, ms);
      timers.set(timer, { activity, end: activity.begin() });
      return timer;
    },
    clearTimeout: (timer: number | null) => {
      endTimer(timer);
      clear(timer);
    },
  });
}

function endTimer(timer: unknown): void {
  timers.get(timer)?.end();
  timers.delete(timer);
}
