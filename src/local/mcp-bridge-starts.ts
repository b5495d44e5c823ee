/** When a server that ended may be started again: at once, but not over and over. Pure: the time is given. */
import { LIMITS } from "./mcp-bridge-limits.ts";

export type Starts = {
  started(at: number): void;
  /** It ended before it was of use. */
  failed(at: number): void;
  /** It answered: what failed before does not count any more. */
  succeeded(): void;
  /** How long a start must still wait; 0: not at all. */
  waitMs(at: number): number;
};

export function countStarts(): Starts {
  let times: number[] = [];
  let failures = 0;
  let failedAt = 0;
  return {
    started(at) {
      times = [...times, at].slice(-LIMITS.starts);
    },
    failed(at) {
      failures += 1;
      failedAt = at;
    },
    succeeded() {
      failures = 0;
    },
    waitMs(at) {
      const [first] = times;
      const window =
        first !== undefined && times.length === LIMITS.starts ? first + LIMITS.startsWindowMs - at : 0;
      const backoff = failures === 0 ? 0 : failedAt + backoffMs(failures) - at;
      return Math.max(window, backoff, 0);
    },
  };
}

const backoffMs = (failures: number): number =>
  Math.min(LIMITS.backoffMs * 2 ** Math.min(failures - 1, 20), LIMITS.backoffMaxMs);
