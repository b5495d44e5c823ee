/** The history queue's far end: fetches what runs say of themselves and writes it, many runs at once. */
import { decodeJson } from "../contract/json.ts";
import { CAPACITY, LIMITS } from "../contract/limits.ts";
import type { RunSummary } from "../contract/run.ts";
import type { Env, HistoryMessage } from "../env.ts";
import { runStub } from "../stubs.ts";
import { d1History } from "./d1.ts";
import { measureProjection } from "./document.ts";
import type { Projection } from "./run-history.ts";

type Fetched = { message: Message<HistoryMessage>; projection: Projection };
/** One delivery of the queue. */
type Delivery = { env: Env; failuresLeft: number };

/** What cannot be fetched or written comes again. A run alone may be larger than a batch, several together never are. */
export async function consumeHistory(batch: MessageBatch<HistoryMessage>, env: Env): Promise<void> {
  const delivery = { env, failuresLeft: CAPACITY.historyFailures };
  let waiting: Fetched[] = [];
  let bytes = 0;
  for (const message of batch.messages) {
    const projection = await fetchRun(message, env);
    if (projection === undefined) continue;
    const size = measureProjection(projection);
    if (bytes + size > LIMITS.historyBatchBytes) {
      await write(waiting, delivery);
      waiting = [];
      bytes = 0;
    }
    waiting.push({ message, projection });
    bytes += size;
  }
  await write(waiting, delivery);
}

async function fetchRun(message: Message<HistoryMessage>, env: Env): Promise<Projection | undefined> {
  try {
    const projected = await runStub(env, message.body.runId).project();
    if (projected === undefined) message.ack();
    return projected && { ...projected, summary: parseSummary(projected.summary) };
  } catch (error) {
    console.warn("history: a run could not be fetched and will be again", message.body.runId, String(error));
    message.retry();
    return undefined;
  }
}

/** Trusts the bytes: the run made them of its own summary, whose inputs may be 24 MiB. */
function parseSummary(bytes: Uint8Array): RunSummary {
  return decodeJson(bytes) as unknown as RunSummary;
}

/** What fails is written again in halves, so that one run which cannot be written keeps no other from it. */
async function write(fetched: Fetched[], delivery: Delivery): Promise<void> {
  if (fetched.length === 0) return;
  if (delivery.failuresLeft === 0) return leaveForLater(fetched);
  try {
    await d1History(delivery.env.DB).write(fetched.map(({ projection }) => projection));
  } catch (error) {
    delivery.failuresLeft--;
    console.warn(`history: ${fetched.length} runs could not be written`, String(error));
    return await writeHalves(fetched, delivery);
  }
  await Promise.all(fetched.map((one) => acknowledge(one, delivery.env)));
}

async function writeHalves(fetched: Fetched[], delivery: Delivery): Promise<void> {
  if (fetched.length === 1) return leaveForLater(fetched);
  const middle = fetched.length >> 1;
  await write(fetched.slice(0, middle), delivery);
  await write(fetched.slice(middle), delivery);
}

function leaveForLater(fetched: Fetched[]): void {
  const ids = fetched.map(({ projection }) => projection.summary.id).join(" ");
  console.warn(`history: runs that were not written and will be tried again: ${ids}`);
  for (const { message } of fetched) message.retry();
}

/** Without it the run sends itself again, which is harmless. */
async function acknowledge({ message, projection }: Fetched, env: Env): Promise<void> {
  message.ack();
  await runStub(env, message.body.runId)
    .projected(projection.revision)
    .catch(() => {});
}
