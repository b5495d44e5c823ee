/** How long a client goes on trying when the service is away. */
import { codeOf, GleitzeitError, retryingOf } from "../contract/error.ts";

const FIRST_MS = 250;
const MOST_MS = 5_000;
/** A service that restarts is back within seconds; one that is gone should not be waited for without end. */
const PATIENCE_MS = 60_000;

export type Patience = {
  /** It answered. */
  restore(): void;
  /** A pause, longer each time; throws the error itself when it is of no use to try again, or was tried long enough. */
  wait(error: unknown): Promise<void>;
};

/** `patienceMs`: how long it may be away altogether. */
export function makePatience(signal: AbortSignal | undefined, patienceMs = PATIENCE_MS): Patience {
  let pauseMs = FIRST_MS;
  let waitedMs = 0;
  return {
    restore() {
      pauseMs = FIRST_MS;
      waitedMs = 0;
    },
    async wait(error) {
      const mayPass = !(error instanceof GleitzeitError) || retryingOf(codeOf(error)) === "way";
      if (!mayPass || waitedMs >= patienceMs) throw error;
      await pause(pauseMs, signal);
      waitedMs += pauseMs;
      pauseMs = Math.min(pauseMs * 2, MOST_MS);
    },
  };
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, milliseconds);
    signal?.addEventListener("abort", finish);
    function finish(): void {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    }
  });
}
