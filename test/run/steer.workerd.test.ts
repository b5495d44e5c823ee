/** What people do to a run, and what its executors hear of it at once. */
import { describe, expect, test } from "vitest";
import { unwrap } from "../../src/reply.ts";
import { runStub, type Steering } from "../../src/stubs.ts";
import { chat, muteExecutors, Player } from "../workerd/player.ts";
import { bindings, chain, echo, finished, journalOf, start, workflowOf } from "../workerd/start.ts";

const steer = (id: string, type: "cancel" | "pause" | "resume") =>
  runStub(bindings, id).steer(id, { type, actor: "ada" });
const retry = (id: string, more: Pick<Extract<Steering, { type: "retry" }>, "from"> = {}) =>
  runStub(bindings, id).steer(id, { type: "retry", actor: "ada", ...more });

/** A run of two sessions, each with one task in its hands. */
async function startPair(onFailure: "skip_dependents" | "fail_fast" = "skip_dependents") {
  const id = await start(workflowOf([echo("a"), echo("b"), echo("c", ["a", "b"])], { onFailure }));
  const ada = new Player(id, "executor-0.ada");
  const bob = new Player(id, "executor-1.bob");
  await ada.sync({ room: { calls: 0, instant: 1 } });
  await bob.sync({ room: { calls: 0, instant: 1 } });
  return { id, ada, bob };
}

const dropOf = (session: string, taskId: string) => ({
  session,
  drop: [{ taskId, attempt: 1 }],
  follow: false,
});

describe("what runs is called off at once", () => {
  test("by a cancel: each session hears of its own attempts", async () => {
    const { pushes } = muteExecutors();
    const { id } = await startPair();
    expect(unwrap(await steer(id, "cancel")).status).toBe("cancelled");
    const drops = [dropOf("executor-0.ada", "a"), dropOf("executor-1.bob", "b")];
    await expect.poll(() => pushes).toEqual(expect.arrayContaining(drops));
    expect(pushes).toHaveLength(2);
  });

  test("by the first failure where the workflow says fail_fast", async () => {
    const { pushes } = muteExecutors();
    const { id, ada } = await startPair("fail_fast");
    await ada.fail("a", "invalid_params");
    await expect.poll(() => pushes).toEqual([dropOf("executor-1.bob", "b")]);
    expect((await finished(id)).tasks).toMatchObject([
      { id: "a", status: "failed" },
      { id: "b", status: "cancelled" },
      { id: "c", status: "cancelled" },
    ]);
  });

  test("also where the push got lost: the next sync is told to drop it", async () => {
    muteExecutors();
    const { id, bob } = await startPair();
    await steer(id, "cancel");
    expect((await bob.sync()).drop).toEqual([{ taskId: "b", attempt: 1 }]);
  });

  test("and what it gives after all changes nothing", async () => {
    muteExecutors();
    const { id, bob } = await startPair();
    await steer(id, "cancel");
    const before = await journalOf(id);
    expect((await bob.complete("b")).work).toEqual([]);
    expect(await journalOf(id)).toEqual(before);
  });
});

describe("a paused run", () => {
  test("gives nothing out and takes what ends; resumed it goes on", async () => {
    muteExecutors();
    const { id, ada, bob } = await startPair();
    await steer(id, "pause");
    await ada.complete("a");
    expect((await bob.complete("b")).work).toEqual([]);
    unwrap(await steer(id, "resume"));
    expect((await ada.sync()).work).toMatchObject([{ taskId: "c" }]);
  });

  test("takes back what it has offered", async () => {
    muteExecutors();
    const id = await start(workflowOf([chat("a")]));
    const player = new Player(id);
    await player.sync();
    await steer(id, "pause");
    expect((await player.sync()).drop).toEqual([{ taskId: "a", attempt: 1 }]);
  });
});

describe("a run that has ended", () => {
  test("refuses what its state forbids, and does twice what may be done twice", async () => {
    const id = await start(workflowOf([echo("a")]));
    await finished(id);
    for (const type of ["cancel", "pause", "resume"] as const) {
      expect(await steer(id, type)).toMatchObject({ ok: false, code: "conflict" });
    }
    muteExecutors();
    const other = await start(workflowOf([echo("a")]));
    expect([(await steer(other, "cancel")).ok, (await steer(other, "cancel")).ok]).toEqual([true, true]);
  });

  test("is carried through again from a task, by real executors", async () => {
    const id = await start(workflowOf(chain(3)));
    await finished(id);
    unwrap(await retry(id, { from: "t1" }));
    const run = await finished(id);
    expect(run).toMatchObject({ status: "completed", generation: 2 });
    expect(run.tasks.map(({ attemptCount }) => attemptCount)).toEqual([1, 2, 2]);
  });

  test("refuses to be retried from a task it does not have", async () => {
    const id = await start(workflowOf([echo("a")]));
    await finished(id);
    expect(await retry(id, { from: "z" })).toMatchObject({ ok: false, code: "not_found" });
  });
});

describe("who waits for the end of a run", () => {
  test("hears of it when it comes, all at once", async () => {
    muteExecutors();
    const { id } = await startPair();
    const waiting = [1, 2, 3].map(() => runStub(bindings, id).view(id, 30_000));
    await steer(id, "cancel");
    const statuses = (await Promise.all(waiting)).map((reply) => unwrap(reply).status);
    expect(statuses).toEqual(["cancelled", "cancelled", "cancelled"]);
  });

  test("hears how it is when the time is over", async () => {
    muteExecutors();
    const { id } = await startPair();
    expect(unwrap(await runStub(bindings, id).view(id, 20)).status).toBe("running");
  });
});
