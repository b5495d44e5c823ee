/** At most so many at a time, first come, first served. */

export type Permits = {
  /** How many could be had at once. */
  readonly free: number;
  /** Waits for a permit; the function given back returns it, once. Rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<() => void>;
};

export function makePermits(count: number): Permits {
  let taken = 0;
  const waiting = new Set<() => void>();
  const giveBack = () => {
    taken--;
    const [next] = waiting;
    next?.();
  };
  const take = (): (() => void) => {
    taken++;
    let isOut = true;
    return () => {
      if (isOut) giveBack();
      isOut = false;
    };
  };
  return {
    get free() {
      return count - taken - waiting.size;
    },
    acquire(signal) {
      if (signal.aborted) return Promise.reject(signal.reason);
      if (taken < count) return Promise.resolve(take());
      return new Promise((resolve, reject) => {
        const leave = () => {
          waiting.delete(enter);
          signal.removeEventListener("abort", abort);
        };
        const enter = () => {
          leave();
          resolve(take());
        };
        const abort = () => {
          leave();
          reject(signal.reason);
        };
        waiting.add(enter);
        signal.addEventListener("abort", abort);
      });
    },
  };
}

/**
 * `fetch` under permits: a call holds one until its headers have come, as the platform counts connections. `answered`
 * is called then: there is room for another.
 */
export function fetchWith(permits: Permits, answered: () => void): typeof fetch {
  return async (...[input, init]: Parameters<typeof fetch>) => {
    const signal = init?.signal ?? new AbortController().signal;
    const giveBack = await permits.acquire(signal);
    try {
      return await fetch(input, init);
    } finally {
      giveBack();
      answered();
    }
  };
}
