/** Submits runs while the service comes and goes: what was not accepted is asked for again with the same key. */
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "../../src/client/client.ts";
import { GleitzeitError } from "../../src/contract/error.ts";
import type { Keeper } from "./keep-service.ts";
import type { PlannedRun } from "./plan-runs.ts";
import { forEach } from "./until.ts";

/** A run that was accepted, by its id. */
export type Accepted = PlannedRun & { id: string };

const AGAIN_MS = 100;
const TRIES = 600;

export type Submitting = {
  keeper: Keeper;
  /** Before a run is submitted for the first time. */
  pause(): Promise<void>;
  accepted(): void;
  /** The service is there and says no: it never may. */
  refused(what: string): void;
};

export async function submitRuns(planned: PlannedRun[], submitting: Submitting): Promise<Accepted[]> {
  return await forEach(planned, async (run) => {
    await submitting.pause();
    const id = await submitUntilAccepted(run, submitting);
    submitting.accepted();
    return { ...run, id };
  });
}

async function submitUntilAccepted({ key, workflow }: PlannedRun, { keeper, refused }: Submitting) {
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      const client = connect({ url: await keeper.url() });
      return (await client.submit({ workflow }, { idempotencyKey: key })).id;
    } catch (error) {
      if (isAnswer(error)) refused(`submitting ${key}: ${error.code}: ${error.message}`);
      await delay(AGAIN_MS);
    }
  }
  throw new Error(`${key} was not accepted after ${TRIES} tries`);
}

/** An error that the service itself has answered: only that has a number. */
function isAnswer(error: unknown): error is GleitzeitError {
  return error instanceof GleitzeitError && error.details?.["requestId"] !== undefined;
}
