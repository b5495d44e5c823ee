/** The history queue's far end: fetches what runs say of themselves and writes it, many runs at once. */
import { LIMITS } from "../contract/limits.ts";
import type { Env, HistoryMessage } from "../env.ts";
import { runStub } from "../stubs.ts";
import { d1History } from "./d1.ts";
import type { Projection } from "./run-history.ts";

type Fetched = { message: Message<HistoryMessage>; projection: Projection };

/** A run that cannot be fetched is asked again; a batch that cannot be written is tried again whole. */
export async function consumeHistory(batch: MessageBatch<HistoryMessage>, env: Env): Promise<void> {
  let waiting: Fetched[] = [];
  let bytes = 0;
  for (const message of batch.messages) {
    const projection = await fetchRun(message, env);
    if (projection === undefined) continue;
    const size = projection.document.byteLength;
    if (bytes + size > LIMITS.historyBatchBytes) {
      await write(waiting, env);
      waiting = [];
      bytes = 0;
    }
    waiting.push({ message, projection });
    bytes += size;
  }
  await write(waiting, env);
}

async function fetchRun(message: Message<HistoryMessage>, env: Env): Promise<Projection | undefined> {
  try {
    const projection = await runStub(env, message.body.runId).project();
    if (projection === undefined) message.ack();
    return projection;
  } catch (error) {
    console.warn("history: a run could not be fetched and will be again", message.body.runId, String(error));
    message.retry();
    return undefined;
  }
}

async function write(fetched: Fetched[], env: Env): Promise<void> {
  if (fetched.length === 0) return;
  try {
    await d1History(env.DB).write(fetched.map(({ projection }) => projection));
  } catch (error) {
    console.warn(`history: ${fetched.length} runs could not be written and will be again`, String(error));
    for (const { message } of fetched) message.retry();
    return;
  }
  await Promise.all(fetched.map((one) => acknowledge(one, env)));
}

/** Without it the run sends itself again, which is harmless. */
async function acknowledge({ message, projection }: Fetched, env: Env): Promise<void> {
  message.ack();
  await runStub(env, message.body.runId)
    .projected(projection.revision)
    .catch(() => {});
}
