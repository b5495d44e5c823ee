/** Starting a run: once for one request, and nothing at all for what was never started. */
import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { decodeJson } from "../../src/contract/json.ts";
import { unwrap } from "../../src/reply.ts";
import { runStub } from "../../src/stubs.ts";
import {
  bindings,
  chain,
  definitionOf,
  echo,
  finished,
  newId,
  objectOf,
  start,
  workflowOf,
} from "../workerd/start.ts";

const stubOf = (id: string) => runStub(bindings, id);
const asked = workflowOf([echo("a")]);

test("the same request again finds the run that it started, and shows it", async () => {
  const id = newId();
  const definition = definitionOf(asked, { id, digest: "same" });
  const first = unwrap(await stubOf(id).start(definition, 30_000));
  const again = unwrap(await stubOf(id).start(definition, 0));
  expect([first.replayed, again.replayed]).toEqual([false, true]);
  expect(again.view).toEqual(first.view);
});

test("the same request at another time, with another id of the same object, gives the first id", async () => {
  const id = newId();
  const later = id.replace(/^run_.{10}/, "run_0000000001");
  await stubOf(id).start(definitionOf(asked, { id, digest: "same" }));
  const again = unwrap(await stubOf(later).start(definitionOf(asked, { id: later, digest: "same" })));
  expect(again).toMatchObject({ id, replayed: true });
  expect(await stubOf(later).view(later)).toMatchObject({ ok: false, code: "not_found" });
});

test("two requests at once start one run", async () => {
  const id = newId();
  const definition = definitionOf(asked, { id, digest: "same" });
  const started = await Promise.all([1, 2, 3].map(() => stubOf(id).start(definition)));
  expect(started.map((one) => unwrap(one).replayed).toSorted()).toEqual([false, true, true]);
  expect((await finished(id)).tasks).toMatchObject([{ id: "a", attemptCount: 1 }]);
});

test("another request under the same key is refused, and the run stays as it is", async () => {
  const id = newId();
  await stubOf(id).start(definitionOf(asked, { id, digest: "one" }));
  const other = definitionOf(workflowOf(chain(2)), { id, digest: "other" });
  expect(await stubOf(id).start(other)).toMatchObject({ ok: false, code: "idempotency_key_reused" });
  expect((await finished(id)).tasks).toHaveLength(1);
});

test("an answer may wait for the end, and comes when its time is over", async () => {
  const id = newId();
  const ended = unwrap(await stubOf(id).start(definitionOf(asked, { id }), 30_000));
  expect(ended.view.status).toBe("completed");
  const stands = workflowOf([echo("over", [], { method: "mcp/tool.none", protocol: "mcp/v1", retry: {} })]);
  const waiting = newId();
  await stubOf(waiting).start(definitionOf(stands, { id: waiting }));
  await stubOf(waiting).steer(waiting, { type: "pause", actor: "test" });
  expect(unwrap(await stubOf(waiting).view(waiting, 1)).status).toBe("paused");
});

test("a workflow larger than a row is kept whole", async () => {
  const long = "x".repeat(3 * 1024 * 1024);
  const id = await start(workflowOf([echo("a", [], { params: { message: long } })]));
  expect((await finished(id)).status).toBe("completed");
  const kept = decodeJson(unwrap(await stubOf(id).workflow(id)));
  expect(kept).toMatchObject({ tasks: [{ params: { message: long } }] });
});

test("an id that nobody started is not found, whatever is asked of it, and nothing is written", async () => {
  const id = newId();
  const stub = stubOf(id);
  const answers = await Promise.all([
    stub.view(id),
    stub.view(id, 30_000),
    stub.task(id, "a"),
    stub.workflow(id),
    stub.results(id),
    stub.journal(id, 0, 10),
    stub.follow(id, 0),
    stub.steer(id, { type: "cancel", actor: "test" }),
    stub.steer(id, { type: "retry", actor: "test" }),
  ]);
  for (const answer of answers) expect(answer).toMatchObject({ ok: false, code: "not_found" });
  const holding = [{ taskId: "a", attempt: 1 }];
  const sync = { session: "executor-0.x", seq: 1, ended: [], begun: [], holding, invitations: 1 };
  expect(await stub.sync({ ...sync, room: { calls: 6, instant: 48 } })).toMatchObject({
    work: [],
    drop: holding,
  });
  expect(await stub.slot("lane", true)).toEqual({ isWanted: false });
  expect(await stub.project()).toBeUndefined();
  await stub.projected(1, true);
  await stub.wake();
  await stub.tokens([{ type: "task.token", taskId: "a", attempt: 1, call: 1, offset: 0, text: "x" }]);
  await runInDurableObject(objectOf(id), async (_, { storage }) => {
    const tables = storage.sql.exec("SELECT name FROM sqlite_master").toArray();
    expect(tables.filter(({ name }) => !String(name).startsWith("_cf_"))).toEqual([]);
    expect(await storage.getAlarm()).toBeNull();
  });
});
