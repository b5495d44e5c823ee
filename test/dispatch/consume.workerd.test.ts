/** Invitations: handed to an executor and gone, or back to the queue when all that were asked are full. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { expect, test } from "vitest";
import { CAPACITY } from "../../src/contract/limits.ts";
import type { Invitation } from "../../src/contract/sync.ts";
import { consumeInvitations } from "../../src/dispatch/consume.ts";
import type { Env } from "../../src/env.ts";
import { bindings, echo, finished, journalOf, newId, start, workflowOf } from "../workerd/start.ts";

/** Executors that answer like this; `asked` names those that were. */
function withExecutors(go: () => Promise<string>): { env: Env; asked: string[] } {
  const asked: string[] = [];
  const get = () => (name: string) => {
    asked.push(name);
    return { go };
  };
  return { env: { ...bindings, EXECUTORS: new Proxy(bindings.EXECUTORS, { get }) }, asked };
}

async function consume(env: Env, ...invitations: Invitation[]) {
  const batch = createMessageBatch<Invitation>(
    "gleitzeit-tasks",
    invitations.map((body, index) => ({ id: String(index), timestamp: new Date(), attempts: 1, body })),
  );
  await consumeInvitations(batch, env);
  const result = await getQueueResult(batch, createExecutionContext());
  return { taken: result.explicitAcks, again: result.retryMessages.map(({ msgId }) => msgId) };
}

test("an invitation is handed to the first executor that has room", async () => {
  const { env, asked } = withExecutors(async () => "taken");
  expect(await consume(env, { runId: newId(), slot: 0 })).toEqual({ taken: ["0"], again: [] });
  expect(asked).toHaveLength(1);
});

test("one run's invitations begin with the same executor, its further sessions with others", async () => {
  const { env, asked } = withExecutors(async () => "taken");
  const runId = newId();
  await consume(env, { runId, slot: 0 }, { runId, slot: 0 }, { runId, slot: 1 });
  expect(asked[1]).toBe(asked[0]);
  expect(asked[2]).not.toBe(asked[0]);
});

test("full executors and dead ones are passed over", async () => {
  const answers = ["full", "dead", "taken"];
  const { env, asked } = withExecutors(async () => {
    const answer = answers.shift() ?? "full";
    if (answer === "dead") throw new Error("it was deployed over");
    return answer;
  });
  expect((await consume(env, { runId: newId(), slot: 0 })).taken).toEqual(["0"]);
  expect(new Set(asked).size).toBe(3);
});

test("it goes back to the queue when all that were asked are full, and holds up no other", async () => {
  const { env, asked } = withExecutors(async () => "full");
  const full = await consume(env, { runId: newId(), slot: 0 }, { runId: newId(), slot: 0 });
  expect(full).toEqual({ taken: [], again: ["0", "1"] });
  expect(asked).toHaveLength(2 * CAPACITY.executorsAsked);
});

test("an invitation too many, or to a run that is over or never was, finds nothing to do", async () => {
  const id = await start(workflowOf([echo("a")]));
  await finished(id);
  const before = await journalOf(id);
  const invitations = [0, 1, 2].map((slot) => ({ runId: id, slot }));
  expect((await consume(bindings, ...invitations, { runId: newId(), slot: 0 })).again).toEqual([]);
  expect(await journalOf(id)).toEqual(before);
});
