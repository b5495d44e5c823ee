/** What nobody else would do: runs that history has not heard of for long are woken, what is old enough is removed. */
import { CAPACITY, TIMING } from "../contract/limits.ts";
import type { Env } from "../env.ts";
import { settingsOf } from "../settings.ts";
import { runStub } from "../stubs.ts";
import { historyOf } from "./open.ts";

/** Each half does what it can without the other. */
export async function sweep(env: Env): Promise<void> {
  await Promise.all([
    attempt("runs that are overdue", async () => void (await wakeSilent(env, Date.now() - TIMING.silentMs))),
    attempt("runs that are old", () => prune(env)),
  ]);
}

/** The service has just been started, and all its executors are gone: whoever goes on is told so. */
export async function wakeAll(env: Env): Promise<void> {
  const startedAt = Date.now();
  await attempt("runs that go on", async () => {
    for (let round = 0; round < CAPACITY.sweepsAtStart; round++) {
      if ((await wakeSilent(env, startedAt)) === 0) return;
    }
  });
}

/** A run that missed its alarm goes on; one that did not does nothing. Gives how many were silent since then. */
async function wakeSilent(env: Env, since: number): Promise<number> {
  const ids = await historyOf(env).takeSilent(since, Date.now(), CAPACITY.sweptSilent);
  const wake = (id: string) =>
    runStub(env, id)
      .wake()
      .catch((error) => console.warn(`sweep: run ${id} could not be woken`, String(error)));
  await Promise.all(ids.map(wake));
  return ids.length;
}

async function prune(env: Env): Promise<void> {
  const { historyMs } = settingsOf(env).retention;
  await historyOf(env).prune(Date.now() - historyMs, CAPACITY.sweptEnded);
}

async function attempt(what: string, work: () => Promise<void>): Promise<void> {
  await work().catch((error) => console.warn(`sweep: ${what} wait for the next one`, String(error)));
}
