/** One alarm, never later than what is due, that only ever moves earlier, and never gives up. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, test, vi } from "vitest";
import { TIMING } from "../../src/contract/limits.ts";
import { unwrap } from "../../src/reply.ts";
import { runStub } from "../../src/stubs.ts";
import { alarmOf, DAY_MS, ring } from "../workerd/history-queue.ts";
import { chat, muteExecutors, Player } from "../workerd/player.ts";
import { bindings, echo, finished, journalOf, objectOf, start, workflowOf } from "../workerd/start.ts";

const SOON = { baseDelay: 0, jitter: false, maxAttempts: 10 };
const LATER = { baseDelay: 60, jitter: false, maxAttempts: 10 };

describe("the alarm", () => {
  test("is set for when invitations would be sent again, by the start itself", async () => {
    muteExecutors();
    const before = Date.now();
    const id = await start(workflowOf([echo("a")]));
    const at = await alarmOf(id);
    expect(at).toBeGreaterThanOrEqual(before + TIMING.patienceMs * (1 - TIMING.spread));
    expect(at).toBeLessThanOrEqual(Date.now() + TIMING.patienceMs * (1 + TIMING.spread));
  });

  test("is not set again by what makes nothing due earlier", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a"), echo("b", ["a"])]));
    const at = await alarmOf(id);
    const player = new Player(id);
    await player.sync();
    await player.complete("a");
    expect(await alarmOf(id)).toBe(at);
  });

  test("moves earlier for a retry that is due earlier", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a", [], { retry: { ...SOON, baseDelay: 1 } })]));
    const player = new Player(id);
    await player.sync();
    await player.fail("a", "timeout");
    expect(await alarmOf(id)).toBeLessThanOrEqual(Date.now() + 1000);
  });

  test("set too early does nothing but set itself again", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a", [], { timeout: 3600 })]));
    await new Player(id).sync();
    const before = await journalOf(id);
    expect(await ring(id)).toBe(true);
    expect(await journalOf(id)).toEqual(before);
    expect(await alarmOf(id)).toBeLessThanOrEqual(Date.now() + TIMING.leaseMs * (1 + TIMING.spread));
  });

  test("is there after an eviction, and makes a retry that is due", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a", [], { retry: LATER })]));
    const player = new Player(id);
    await player.sync();
    await player.fail("a", "timeout");
    await evictDurableObject(objectOf(id));
    expect(await alarmOf(id)).toBeLessThanOrEqual(Date.now() + 60_000);
    const now = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 61_000);
    await ring(id);
    now.mockRestore();
    expect((await journalOf(id)).at(-1)).toMatchObject({ type: "task.queued", taskId: "a" });
  });

  test("loses the attempts of an executor that is not heard of any more, and they are made again", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a")]));
    await new Player(id, "executor-0.dead").sync();
    const now = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 2 * TIMING.leaseMs);
    await ring(id);
    now.mockRestore();
    expect((await journalOf(id)).slice(-2)).toMatchObject([
      { type: "task.retrying", outcome: "lost" },
      { type: "task.queued" },
    ]);
    const alive = new Player(id, "executor-1.alive");
    expect((await alive.sync()).work).toMatchObject([{ taskId: "a", attempt: 2 }]);
  });

  test("offers a parked need again when the hub has not called, and the hub's call does so at once", async () => {
    muteExecutors();
    const id = await start(workflowOf([chat("a"), chat("b")]));
    const player = new Player(id);
    const { work } = await player.sync();
    const lane = work[0]?.kind === "offer" ? work[0].lane : "";
    const park = () => {
      const outcome = { kind: "returned", reason: "parked" } as const;
      return player.sync({
        ended: [...player.held.keys()].map((held) => ({ ...player.ref(held), outcome })),
      });
    };
    expect(await park()).toMatchObject({ work: [], more: false });
    expect((await player.sync()).work).toEqual([]);
    expect(await runStub(bindings, id).slot(lane, true)).toEqual({ isWanted: true, next: "normal" });
    expect((await player.sync()).work).toHaveLength(1);
    // The first has asked and not heard yet: it may hear that there was none.
    expect(await runStub(bindings, id).slot(lane, true)).toEqual({ isWanted: true, next: "normal" });
    expect((await player.sync()).work).toHaveLength(1);
    await park();
    const now = vi.spyOn(Date, "now").mockReturnValue(Date.now() + TIMING.parkedMs);
    await ring(id);
    now.mockRestore();
    expect((await player.sync()).work).toHaveLength(2);
  });

  test("is the last one for a run that has ended and that history has: when it leaves its object", async () => {
    const id = await start(workflowOf([echo("a")]));
    const { finishedAt = "" } = await finished(id);
    await runStub(bindings, id).projected((await journalOf(id)).length, true);
    await ring(id);
    expect(await alarmOf(id)).toBe(Date.parse(finishedAt) + 7 * DAY_MS);
  });

  test("that cannot save is set again, and the object begins anew from the disk", async () => {
    muteExecutors();
    const id = await start(workflowOf([echo("a")]));
    await new Player(id).sync();
    const exec = (sql: string) =>
      runInDurableObject(objectOf(id), (_, { storage }) => void storage.sql.exec(sql));
    await exec("CREATE TRIGGER refuse BEFORE INSERT ON run BEGIN SELECT RAISE(ABORT, 'full'); END");
    const before = await journalOf(id);
    const later = Date.now() + 2 * TIMING.leaseMs;
    const now = vi.spyOn(Date, "now").mockReturnValue(later);
    await ring(id).catch(() => {}); // the object is aborted under it
    now.mockRestore();
    expect(await journalOf(id)).toEqual(before);
    expect(unwrap(await runStub(bindings, id).view(id)).status).toBe("running");
    expect(await alarmOf(id)).toBe(later + TIMING.patienceMs);
    await exec("DROP TRIGGER refuse");
  });
});
