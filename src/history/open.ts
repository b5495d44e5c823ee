/** Which history there is: the setting's, and behind D1 what waits while it fails. */
import type { HistoryBackend, HistoryStatus } from "../contract/api.ts";
import { codeOf, GleitzeitError } from "../contract/error.ts";
import type { RunStatus } from "../contract/run.ts";
import type { Env } from "../env.ts";
import { settingsOf } from "../settings.ts";
import { type HistoryName, historyStub } from "../stubs.ts";
import { d1History } from "./d1.ts";
import { type Health, isFailing, withFallback } from "./fallback.ts";
import { parseAsked } from "./filter.ts";
import { inTime } from "./in-time.ts";
import type { RunHistory } from "./run-history.ts";

/** The history that is written and listed. */
export function historyOf(env: Env): RunHistory {
  const { history } = settingsOf(env);
  const opened = openHistory(env, history);
  return history === "d1" ? withFallback(opened, historyObject(env, "waiting"), healthOf(env)) : opened;
}

/** One backend alone, whether it is the setting's or not. */
export function openHistory(env: Env, backend: HistoryBackend): RunHistory {
  return backend === "d1" ? d1History(env.DB) : historyObject(env, backend);
}

/** Where it is written to, and how far D1 is behind; D1 counts as active where it answers and nothing waits for it. */
export async function historyStatusOf(env: Env): Promise<HistoryStatus> {
  const { history } = settingsOf(env);
  const { runs, since } = await findWaiting(env);
  const behindSeconds = since === undefined ? 0 : Math.max(0, (Date.now() - since) / 1000);
  const isReplaced = history === "d1" && (runs > 0 || (await isDatabaseFailing(env)));
  return { backend: history, active: isReplaced ? "durable" : history, behindRuns: runs, behindSeconds };
}

/** Runs by status; undefined where history does not answer. */
export async function countRuns(env: Env): Promise<Record<RunStatus, number> | undefined> {
  try {
    return await inTime(historyOf(env).count());
  } catch (error) {
    console.warn("history: runs could not be counted", String(error));
    return undefined;
  }
}

type Waiting = { runs: number; since: number | undefined };

/** Nothing, where nobody knows. */
async function findWaiting(env: Env): Promise<Waiting> {
  try {
    return await inTime(historyStub(env, "waiting").waiting());
  } catch (error) {
    console.warn("history: what waits does not answer", String(error));
    return { runs: 0, since: undefined };
  }
}

/** Asks it: writes may be another isolate's, which alone knows that they failed. */
async function isDatabaseFailing(env: Env): Promise<boolean> {
  await countRuns(env);
  return isFailing(healthOf(env));
}

/** By RPC. What is wrong with a question is found before: an error need not be the same on the other side. */
function historyObject(env: Env, name: HistoryName): RunHistory {
  const ask = <Value>(question: (stub: Stub) => Promise<Value>) => askObject(env, name, question);
  return {
    write: (batch, replaced) => ask((stub) => stub.write(batch, replaced)),
    list: async (filter, page) => {
      parseAsked(filter, page);
      return await ask((stub) => stub.list(filter, page));
    },
    read: (id) => ask((stub) => stub.read(id)),
    count: () => ask((stub) => stub.count()),
    takeSilent: (before, now, limit) => ask((stub) => stub.takeSilent(before, now, limit)),
    prune: (before, limit) => ask((stub) => stub.prune(before, limit)),
    page: (after) => ask((stub) => stub.page(after)),
    remove: (versions) => ask((stub) => stub.remove(versions)),
  };
}

type Stub = ReturnType<typeof historyStub>;

/** A stub is broken once a call on it failed, so each question has its own. The cause is for logs alone. */
async function askObject<Value>(
  env: Env,
  name: HistoryName,
  question: (stub: Stub) => Promise<Value>,
): Promise<Value> {
  try {
    return await question(historyStub(env, name));
  } catch (cause) {
    const isOurs = codeOf(cause) === "unavailable" && cause instanceof Error;
    const silence = `history: the object "${name}" does not answer; GET /v1/runs/{id} works without it`;
    throw new GleitzeitError("unavailable", isOurs ? cause.message : silence, { cause });
  }
}

const healths = new WeakMap<object, Health>();

function healthOf({ DB }: Env): Health {
  const known = healths.get(DB) ?? { failedAt: Number.NEGATIVE_INFINITY };
  healths.set(DB, known);
  return known;
}
