/** Questions to a run's object, and what a client hears when the object does not answer. */
import { GleitzeitError } from "../contract/error.ts";
import { type RunId, runId } from "../contract/id.ts";
import type { Env } from "../env.ts";
import { readRecord } from "../history/archive.ts";
import { unwrap } from "../reply.ts";
import type { RunReading } from "../run/answers.ts";
import { openArchived } from "../run/archived-run.ts";
import { type Reply, runStub } from "../stubs.ts";

type Stub = ReturnType<typeof runStub>;
/** Of a run's object, or of what history keeps of it when that is gone. */
type Question<Value> = (run: RunReading) => Reply<Value> | Promise<Reply<Value>>;

/** A run's object alone, once more at once where no answer comes: for what may be asked twice. */
export async function askObject<Value>(
  env: Env,
  id: RunId,
  question: (run: Stub) => Promise<Reply<Value>>,
): Promise<Value> {
  return await answer(id, async () => await askTwice(env, id, question));
}

/** Likewise, and history where the object is gone. */
export async function askRun<Value>(env: Env, id: RunId, question: Question<Value>): Promise<Value> {
  return await answer(id, async () => {
    const reply = await askTwice(env, id, async (run) => await question(run));
    return await orArchived(env, id, question, reply);
  });
}

/** For what must not be asked twice: a second `retry` is another one. */
export async function askRunOnce<Value>(env: Env, id: RunId, question: Question<Value>): Promise<Value> {
  return await answer(id, async () => await orArchived(env, id, question, await question(runStub(env, id))));
}

async function answer<Value>(id: RunId, ask: () => Promise<Reply<Value>>): Promise<Value> {
  try {
    return unwrap(await ask());
  } catch (error) {
    throw nameFault(id, error);
  }
}

async function orArchived<Value>(
  env: Env,
  id: RunId,
  question: Question<Value>,
  reply: Reply<Value>,
): Promise<Reply<Value>> {
  if (reply.ok || reply.code !== "not_found" || (await isInObject(env, id))) return reply;
  const record = await readRecord(env, id);
  return record === undefined ? reply : await question(openArchived(record));
}

/** What was not found may be a task of a run that is there: history, older than the run, has no say in that. */
async function isInObject(env: Env, id: RunId): Promise<boolean> {
  return (await askTwice(env, id, (run) => run.journal(id, 0, 0))).ok;
}

/** An id as it may be; anything else is the id of no run, and no object need be asked. */
export function parseRunId(text: string): RunId {
  if (runId.safeParse(text).success) return text;
  throw new GleitzeitError("not_found", `there is no run ${JSON.stringify(text.slice(0, 60))}`);
}

/** A stub is broken once a call on it failed, so the second question goes to a new one. */
async function askTwice<Value>(
  env: Env,
  id: RunId,
  question: (run: Stub) => Promise<Reply<Value>>,
): Promise<Reply<Value>> {
  try {
    return await question(runStub(env, id));
  } catch (error) {
    const isOverloaded =
      typeof error === "object" && error !== null && "overloaded" in error && error.overloaded;
    if (isOverloaded === true) throw error;
    return await question(runStub(env, id));
  }
}

function nameFault(id: RunId, error: unknown): unknown {
  if (error instanceof GleitzeitError) return error;
  console.warn(`ingress: run ${id} does not answer`, error instanceof Error ? error.name : typeof error);
  return new GleitzeitError("unavailable", `run ${id} does not answer now; it goes on, ask again`, {
    cause: error,
  });
}
