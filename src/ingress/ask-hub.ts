/** Questions to hubs, and what a client hears when one does not answer. */
import { GleitzeitError } from "../contract/error.ts";
import type { Env } from "../env.ts";
import { hubStub } from "../stubs.ts";

type Question<Value> = (hub: ReturnType<typeof hubStub>) => Promise<Value>;

/** Asked once more at once where no answer comes: whatever a hub is asked may be asked twice. */
export async function askHub<Value>(env: Env, protocol: string, question: Question<Value>): Promise<Value> {
  try {
    // A stub is broken once a call on it failed.
    return await question(hubStub(env, protocol)).catch(() => question(hubStub(env, protocol)));
  } catch (cause) {
    console.warn(`ingress: the hub of ${protocol} does not answer`, nameOf(cause));
    throw new GleitzeitError("unavailable", `the hub of ${protocol} does not answer now; ask again`, {
      cause,
    });
  }
}

const nameOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.name : typeof thrown);
