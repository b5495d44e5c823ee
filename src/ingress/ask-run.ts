/** Questions to a run's object, and what a client hears when the object does not answer. */
import { GleitzeitError } from "../contract/error.ts";
import { type RunId, runId } from "../contract/id.ts";
import type { Env } from "../env.ts";
import { unwrap } from "../reply.ts";
import { type Reply, runStub } from "../stubs.ts";

type Question<Value> = (run: ReturnType<typeof runStub>) => Promise<Reply<Value>>;

/** Asked once more at once where no answer comes: for what may be asked twice. */
export async function askRun<Value>(env: Env, id: RunId, question: Question<Value>): Promise<Value> {
  try {
    return unwrap(await question(runStub(env, id)).catch((error) => askAgain(env, id, question, error)));
  } catch (error) {
    throw nameFault(id, error);
  }
}

/** For what must not be asked twice: a second `retry` is another one. */
export async function askRunOnce<Value>(env: Env, id: RunId, question: Question<Value>): Promise<Value> {
  try {
    return unwrap(await question(runStub(env, id)));
  } catch (error) {
    throw nameFault(id, error);
  }
}

/** An id as it may be; anything else is the id of no run, and no object need be asked. */
export function parseRunId(text: string): RunId {
  if (runId.safeParse(text).success) return text;
  throw new GleitzeitError("not_found", `there is no run ${JSON.stringify(text.slice(0, 60))}`);
}

/** A stub is broken once a call on it failed, so the second question goes to a new one. */
function askAgain<Value>(
  env: Env,
  id: RunId,
  question: Question<Value>,
  error: unknown,
): Promise<Reply<Value>> {
  const isOverloaded =
    typeof error === "object" && error !== null && "overloaded" in error && error.overloaded;
  if (isOverloaded === true) throw error;
  return question(runStub(env, id));
}

function nameFault(id: RunId, error: unknown): unknown {
  if (error instanceof GleitzeitError) return error;
  console.warn(`ingress: run ${id} does not answer`, error instanceof Error ? error.name : typeof error);
  return new GleitzeitError("unavailable", `run ${id} does not answer now; it goes on, ask again`, {
    cause: error,
  });
}
