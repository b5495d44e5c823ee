/** Executors that died with an object's memory, or before: a run that asks for its sessions loses those that are gone. */
import { evictDurableObject } from "cloudflare:test";
import { beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { RunId } from "../../src/contract/id.ts";
import type { Push } from "../../src/contract/sync.ts";
import { ExecutorObject } from "../../src/dispatch/executor-object.ts";
import { unwrap } from "../../src/reply.ts";
import { runStub } from "../../src/stubs.ts";
import { emptyDatabase } from "../workerd/history-database.ts";
import { chat, muteExecutors, Player } from "../workerd/player.ts";
import { bindings, echo, finished, journalOf, objectOf, start, workflowOf } from "../workerd/start.ts";

const THERE = "executor-1.there";
const GONE = "executor-0.gone";

/** What was asked of executors; `answers` is what they say of their sessions, and none of the others is there. */
let pushes: Push[];
let answers: Map<string, boolean | Error>;

beforeAll(async () => {
  await emptyDatabase();
});

beforeEach(() => {
  muteExecutors();
  pushes = [];
  answers = new Map([[THERE, true]]);
  const push = vi.spyOn(ExecutorObject.prototype, "push").mockImplementation((said) => {
    pushes.push(said);
    const answer = answers.get(said.session) ?? false;
    if (answer instanceof Error) throw answer;
    return answer;
  });
  onTestFinished(() => push.mockRestore());
});

/** The object is loaded anew, by a question. */
async function reload(id: RunId): Promise<void> {
  await evictDurableObject(objectOf(id));
  unwrap(await runStub(bindings, id).view(id));
}

async function taskOf(id: RunId, task = "a") {
  return JSON.parse(new TextDecoder().decode(unwrap(await runStub(bindings, id).task(id, task))));
}

const untilAsked = (session: string) =>
  expect.poll(() => pushes.map((push) => push.session)).toContain(session);

async function startWith(session: string, maxAttempts = 5): Promise<{ id: RunId; player: Player }> {
  const id = await start(workflowOf([echo("a", [], { retry: { maxAttempts } })]));
  const player = new Player(id, session);
  await player.sync();
  return { id, player };
}

describe("a run that is loaded anew", () => {
  test("loses the attempts of a session that is gone, without waiting for its lease", async () => {
    const { id } = await startWith(GONE);
    await reload(id);
    await expect.poll(() => taskOf(id)).toMatchObject({ status: "queued", attempts: [{ lost: true }] });
    const { work } = await new Player(id, THERE).sync();
    expect(work).toMatchObject([{ taskId: "a", attempt: 2 }]);
  });

  test("lets a session that is there go on", async () => {
    const { id, player } = await startWith(THERE);
    const before = await journalOf(id);
    await reload(id);
    await untilAsked(THERE);
    expect(pushes).toEqual([{ session: THERE, drop: [], follow: false }]);
    expect(await journalOf(id)).toEqual(before);
    await player.complete("a", "done");
    expect(await finished(id)).toMatchObject({ status: "completed", tasks: [{ attemptCount: 1 }] });
  });

  test("waits for the lease where its executor does not answer", async () => {
    const { id, player } = await startWith(THERE);
    answers.set(THERE, new Error("it is being deployed"));
    await reload(id);
    await untilAsked(THERE);
    expect(await taskOf(id)).toMatchObject({ status: "running" });
    await player.complete("a", "done");
    expect((await finished(id)).status).toBe("completed");
  });

  test("loses one of two sessions only", async () => {
    const id = await start(workflowOf([echo("a"), echo("b")]));
    await new Player(id, GONE).sync({ room: { calls: 0, instant: 1 } });
    const there = new Player(id, THERE);
    await there.sync();
    await reload(id);
    await expect.poll(() => taskOf(id, "a")).toMatchObject({ status: "queued" });
    expect(await taskOf(id, "b")).toMatchObject({ status: "running" });
    await there.complete("b");
    expect(await taskOf(id, "b")).toMatchObject({ status: "completed", attemptCount: 1 });
  });

  test("asks nobody where no attempt is live", async () => {
    const id = await start(workflowOf([echo("a"), chat("b")]));
    const player = new Player(id, GONE);
    await player.sync();
    await player.complete("a");
    await reload(id);
    await reload(id);
    expect(pushes).toEqual([]);
  });

  test("by the very sync that ends the session, ends it as said", async () => {
    const { id, player } = await startWith(GONE);
    await evictDurableObject(objectOf(id));
    await player.complete("a", "done");
    await untilAsked(GONE);
    expect(await finished(id)).toMatchObject({ status: "completed", tasks: [{ attemptCount: 1 }] });
  });

  test("loses a paused run's attempts too", async () => {
    const { id } = await startWith(GONE);
    unwrap(await runStub(bindings, id).steer(id, { type: "pause", actor: "test" }));
    await reload(id);
    await expect.poll(() => taskOf(id)).toMatchObject({ attempts: [{ lost: true }] });
    expect((await finished(id, 0)).status).toBe("paused");
  });
});

describe("attempts whose sessions are gone", () => {
  test("fail the task when they are three in a row, and are no tries", async () => {
    const { id } = await startWith(GONE, 10);
    for (const session of [`${GONE}2`, `${GONE}3`]) {
      await reload(id);
      await expect.poll(() => taskOf(id)).toMatchObject({ status: "queued" });
      await new Player(id, session).sync();
    }
    await reload(id);
    await expect.poll(() => taskOf(id)).toMatchObject({ status: "failed", error: { code: "attempt_lost" } });
    expect((await taskOf(id)).attempts).toHaveLength(3);
  });

  test("fail it at once where maxAttempts is 1", async () => {
    const { id } = await startWith(GONE, 1);
    await reload(id);
    await expect.poll(() => taskOf(id)).toMatchObject({ status: "failed", error: { code: "attempt_lost" } });
  });
});

describe("a session that is told to drop something", () => {
  /** The session has both tasks, and `a` takes too long. */
  async function timeOut(session: string): Promise<RunId> {
    const id = await start(
      workflowOf([
        echo("a", [], { timeout: 1, retry: { maxAttempts: 1 } }),
        echo("b", [], { timeout: 3600 }),
      ]),
    );
    await new Player(id, session).sync();
    const now = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 10_000);
    await runStub(bindings, id).wake();
    now.mockRestore();
    expect(await taskOf(id, "a")).toMatchObject({ status: "failed", error: { code: "timeout" } });
    await untilAsked(session);
    return id;
  }

  test("and is gone, loses the rest at once", async () => {
    const id = await timeOut(GONE);
    await expect.poll(() => taskOf(id, "b")).toMatchObject({ status: "queued", attempts: [{ lost: true }] });
  });

  test("and is there, keeps the rest", async () => {
    const id = await timeOut(THERE);
    expect(pushes[0]).toMatchObject({ session: THERE, drop: [{ taskId: "a", attempt: 1 }] });
    expect(await taskOf(id, "b")).toMatchObject({ status: "running", attempts: [{ status: "running" }] });
  });

  test("of a run that was cancelled, changes nothing", async () => {
    const { id } = await startWith(GONE);
    unwrap(await runStub(bindings, id).steer(id, { type: "cancel", actor: "test" }));
    const before = await journalOf(id);
    await untilAsked(GONE);
    expect(await journalOf(id)).toEqual(before);
  });
});
