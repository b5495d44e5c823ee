/** The Worker with one more door, which times the hub from inside: a question to an object, without HTTP around it. */
import type { Acquire, Invitation } from "../../src/contract/sync.ts";
import type { Env, HistoryMessage } from "../../src/env.ts";
import { hubStub } from "../../src/stubs.ts";
import worker from "../../src/worker.ts";

export { ExecutorObject, HistoryObject, HubObject, RunObject } from "../../src/worker.ts";

const GROUPS = 100;
/** The clock of workerd has milliseconds: so many pairs are timed together. */
const PAIRS = 20;

export default {
  ...worker,
  async fetch(request, env, context): Promise<Response> {
    if (new URL(request.url).pathname !== "/bench/hub") return await worker.fetch(request, env, context);
    const times: number[] = [];
    for (let group = 0; group < GROUPS; group++) times.push(await timeGroup(env, group));
    return Response.json(times);
  },
} satisfies ExportedHandler<Env, Invitation | HistoryMessage>;

/** Milliseconds of one pair of acquire and release. */
async function timeGroup(env: Env, group: number): Promise<number> {
  const began = Date.now();
  for (let pair = 0; pair < PAIRS; pair++) {
    const asked: Acquire = {
      token: `bench/${group}/${pair}`,
      runId: "bench",
      need: { protocol: "llm/v1", model: "llama3.2" },
      lane: "lane",
      priority: "normal",
      avoid: [],
    };
    const [grant] = await hubStub(env, "llm/v1").acquire([asked]);
    if (grant?.kind !== "granted") throw new Error(`no slot: ${JSON.stringify(grant)}`);
    const held = { token: asked.token, runId: asked.runId, instance: grant.instance.id };
    await hubStub(env, "llm/v1").release([{ ...held, end: { kind: "answered", latencyMs: 1 } }]);
  }
  return (Date.now() - began) / PAIRS;
}
