/** The queue's far end: hands invitations to executors and returns. It never waits for a provider. */
import { CAPACITY } from "../contract/limits.ts";
import type { Invitation } from "../contract/sync.ts";
import type { Env } from "../env.ts";
import { executorFor, executorStub } from "../stubs.ts";

/** Seconds an invitation waits when every executor that was asked is full. */
const FULL_DELAY_SECONDS = 1;

export async function consumeInvitations(batch: MessageBatch<Invitation>, env: Env): Promise<void> {
  await Promise.all(
    batch.messages.map(async (message) => {
      if (await handOver(message.body, env)) message.ack();
      else message.retry({ delaySeconds: FULL_DELAY_SECONDS });
    }),
  );
}

/** Asks one executor after the other, beginning with the one that depends on run and slot. */
async function handOver({ runId, slot }: Invitation, env: Env): Promise<boolean> {
  for (let tries = 0; tries < CAPACITY.executorsAsked; tries++) {
    const answer = await executorStub(env, executorFor(env, runId, slot, tries))
      .go(runId)
      .catch(() => "full" as const);
    if (answer === "taken") return true;
  }
  return false;
}
