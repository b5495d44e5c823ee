/** The Worker's entry: what it serves, what it consumes, and the objects it is made of. */
import type { Invitation } from "./contract/sync.ts";
import { consumeInvitations } from "./dispatch/consume.ts";
import type { Env, HistoryMessage } from "./env.ts";
import { consumeHistory } from "./history/consume.ts";
import { sweep, wakeAll } from "./history/sweep.ts";
import { app } from "./ingress/app.ts";

export { ExecutorObject } from "./dispatch/executor-object.ts";
export { HistoryObject } from "./history/history-object.ts";
export { HubObject } from "./providers/hub-object.ts";
export { RunObject } from "./run/run-object.ts";

/** In place of a time: the service has just been started. */
const STARTED = "started";

export default {
  fetch: (request, env, context) => app.fetch(request, env, context),

  /** Every minute; and when a service starts on this machine, whose executors are all gone. */
  async scheduled({ cron }, env) {
    await (cron === STARTED ? wakeAll(env) : sweep(env));
  },

  async queue(batch, env) {
    if (isHistory(batch)) await consumeHistory(batch, env);
    else await consumeInvitations(batch as MessageBatch<Invitation>, env);
  },
} satisfies ExportedHandler<Env, Invitation | HistoryMessage>;

function isHistory(batch: MessageBatch<unknown>): batch is MessageBatch<HistoryMessage> {
  return batch.queue.endsWith("-history");
}
