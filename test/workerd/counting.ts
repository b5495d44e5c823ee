/** The Worker with two more doors, `GET /counts` and `POST /counts/reset`, which counts all that the platform bills. */
import type { Invitation } from "../../src/contract/sync.ts";
import type { Env, HistoryMessage } from "../../src/env.ts";
import worker, * as ours from "../../src/worker.ts";
import { countTimers } from "./counting/activity.ts";
import { countBindings } from "./counting/bindings.ts";
import { countObject } from "./counting/objects.ts";
import { invoke, queueTally, readCounts, resetCounts } from "./counting/tally.ts";

countTimers();

export const RunObject = countObject("RUNS", ours.RunObject);
export const ExecutorObject = countObject("EXECUTORS", ours.ExecutorObject);
export const HubObject = countObject("HUBS", ours.HubObject);
export const HistoryObject = countObject("HISTORIES", ours.HistoryObject);

export default {
  async fetch(request, env, context): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/counts") return Response.json(readCounts());
    if (pathname === "/counts/reset") {
      resetCounts();
      return new Response(null, { status: 204 });
    }
    const end = invoke("fetch");
    return await Promise.resolve(worker.fetch(request, countBindings(env), context)).finally(end);
  },

  async scheduled(controller, env): Promise<void> {
    const end = invoke("scheduled");
    await worker.scheduled(controller, countBindings(env)).finally(end);
  },

  async queue(batch, env): Promise<void> {
    const end = invoke("queue");
    const { retried, delivered } = countDelivery(batch);
    await Promise.resolve(worker.queue(batch, countBindings(env))).finally(end);
    queueTally(bindingOf(batch)).deleted += delivered - retried();
  },
} satisfies ExportedHandler<Env, Invitation | HistoryMessage>;

/** A delivery is an operation, and so is the end of a message that does not come again. */
function countDelivery(batch: MessageBatch<unknown>): { delivered: number; retried: () => number } {
  const again = new Set<unknown>();
  for (const message of batch.messages) {
    const retry = message.retry.bind(message);
    const value = (options?: QueueRetryOptions) => {
      again.add(message);
      retry(options);
    };
    Object.defineProperty(message, "retry", { value });
  }
  queueTally(bindingOf(batch)).read += batch.messages.length;
  return { delivered: batch.messages.length, retried: () => again.size };
}

const bindingOf = ({ queue }: MessageBatch<unknown>): string =>
  queue.endsWith("-history") ? "HISTORY" : "TASKS";
