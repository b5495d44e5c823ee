/** The Worker's entry: what it serves, what it consumes, and the objects it is made of. */
import type { Invitation } from "./contract/sync.ts";
import { consumeInvitations } from "./dispatch/consume.ts";
import type { Env, HistoryMessage } from "./env.ts";
import { consumeHistory } from "./history/consume.ts";
import { app } from "./ingress/app.ts";

export { ExecutorObject } from "./dispatch/executor-object.ts";
export { HubObject } from "./providers/hub-object.ts";
export { RunObject } from "./run/run-object.ts";

export default {
  fetch: (request, env, context) => app.fetch(request, env, context),

  async queue(batch, env) {
    if (isHistory(batch)) await consumeHistory(batch, env);
    else await consumeInvitations(batch as MessageBatch<Invitation>, env);
  },
} satisfies ExportedHandler<Env, Invitation | HistoryMessage>;

function isHistory(batch: MessageBatch<unknown>): batch is MessageBatch<HistoryMessage> {
  return batch.queue.endsWith("-history");
}
