/** Ending as asked: by Ctrl-C, by `kill`, or with the terminal. */

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const asked = Promise.withResolvers<void>();
const hear = () => asked.resolve();

/**
 * Takes the signals that end a process, and resolves with the first. To be called before something is started and
 * once more after it: Miniflare puts listeners of its own beside, which exit at once, and these are taken off.
 */
export function untilSignal(): Promise<void> {
  for (const signal of SIGNALS) {
    // Ours stays while the others go: a signal that comes while nobody listens is lost.
    if (!process.listeners(signal).includes(hear)) process.on(signal, hear);
    for (const other of process.listeners(signal)) if (other !== hear) process.removeListener(signal, other);
  }
  return asked.promise;
}
