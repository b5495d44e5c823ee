/** The history queue's far end: fetches what runs say of themselves and writes it, many runs at once. */
import { decodeJson } from "../contract/json.ts";
import { LIMITS, TIMING } from "../contract/limits.ts";
import type { RunSummary } from "../contract/run.ts";
import type { Env, HistoryMessage } from "../env.ts";
import { settingsOf } from "../settings.ts";
import { runStub } from "../stubs.ts";
import { historyOf } from "./open.ts";
import type { Projection } from "./run-history.ts";

type Fetched = { messages: Message<HistoryMessage>[]; projection: Projection; bytes: number };

/** Runs that are asked at a time: each answer may have some MiB. */
const ASKED_AT_ONCE = 6;
/** Runs that are written alone after they were not taken together, and before it counts as history that fails. */
const TRIED_ALONE = 2;

/** What cannot be fetched or written comes again: by its message, and in the end by its run. */
export async function consumeHistory(batch: MessageBatch<HistoryMessage>, env: Env): Promise<void> {
  const runs = [...Map.groupBy(batch.messages, ({ body }) => body.runId)];
  let waiting: Fetched[] = [];
  let bytes = 0;
  for (let start = 0; start < runs.length; start += ASKED_AT_ONCE) {
    const asked = runs.slice(start, start + ASKED_AT_ONCE);
    const fetched = await Promise.all(asked.map(([id, messages]) => fetchRun(env, id, messages)));
    for (const one of fetched.filter((found) => found !== undefined)) {
      if (bytes + one.bytes > LIMITS.historyBatchBytes) {
        await write(waiting, env);
        [waiting, bytes] = [[], 0];
      }
      waiting.push(one);
      bytes += one.bytes;
    }
  }
  await write(waiting, env);
}

async function fetchRun(
  env: Env,
  id: string,
  messages: Message<HistoryMessage>[],
): Promise<Fetched | undefined> {
  try {
    const projected = await runStub(env, id).project();
    if (projected !== undefined) {
      const { summary, record } = projected;
      const projection = { ...projected, summary: parseSummary(summary) };
      return { messages, projection, bytes: summary.byteLength + record.byteLength };
    }
    for (const message of messages) message.ack();
  } catch (error) {
    console.warn("history: a run could not be fetched and will be again", id, String(error));
    for (const message of messages) retry(message);
  }
  return undefined;
}

/** Trusts the bytes: the run made them of its own summary. */
function parseSummary(bytes: Uint8Array): RunSummary {
  return decodeJson(bytes) as unknown as RunSummary;
}

/** One run that never can be written keeps no other from it. */
async function write(fetched: Fetched[], env: Env): Promise<void> {
  if (fetched.length === 0 || (await writeTogether(fetched, env))) return;
  let written = 0;
  for (const [index, one] of fetched.entries()) {
    const isWorthwhile = fetched.length > 1 && (written > 0 || index < TRIED_ALONE);
    if (isWorthwhile && (await writeTogether([one], env))) written++;
    else for (const message of one.messages) retry(message);
  }
}

/** All of them or none; whether they were taken. */
async function writeTogether(fetched: Fetched[], env: Env): Promise<boolean> {
  try {
    await historyOf(env).write(fetched.map(({ projection }) => projection));
  } catch (error) {
    console.warn(`history: ${fetched.length} runs could not be written`, String(error));
    return false;
  }
  await Promise.all(fetched.map((one) => acknowledge(one, env)));
  return true;
}

/** Where it gets lost the run sends itself again, which is harmless. */
async function acknowledge({ messages, projection }: Fetched, env: Env): Promise<void> {
  for (const message of messages) message.ack();
  const isKept = projection.record.byteLength > 0 && settingsOf(env).history !== "memory";
  await runStub(env, projection.summary.id)
    .projected(projection.revision, isKept)
    .catch(() => {});
}

/** `attempts` counts this delivery too. */
function retry(message: Message<HistoryMessage>): void {
  const delayMs = TIMING.drainMs * 2 ** (message.attempts - 1);
  message.retry({ delaySeconds: Math.min(delayMs, TIMING.drainMaxMs) / 1000 });
}
