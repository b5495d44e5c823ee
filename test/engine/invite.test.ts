/** How many executors a run asks for, and when it asks again. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../src/contract/limits.ts";
import { nextDue } from "../../src/engine/due.ts";
import { countInvitations, impatientAt, invited } from "../../src/engine/invite.ts";
import { Drive, idOf, started } from "./drive.ts";
import { Executor } from "./executor.ts";
import { crowd, llm, type Shape } from "./shape.ts";

/** Sends what is due, as the run's object does after each command. */
function invite({ run, now }: Drive): number {
  const count = countInvitations(run);
  invited(run, count, now);
  return count;
}

describe("a run invites", () => {
  test.each<[string, number, Shape, number]>([
    ["one executor for a task that needs no provider", 1, {}, 1],
    ["one for 48 of those", 48, {}, 1],
    ["two for 49", 49, {}, 2],
    ["one for 6 calls", 6, { each: llm() }, 1],
    ["two for 7", 7, { each: llm() }, 2],
    ["17 at most", 1000, { each: llm(), maxParallelTasks: 1000 }, 17],
    ["no more than for the tasks it lets out", 1000, { each: llm(), maxParallelTasks: 12 }, 2],
  ])("%s", (_, size, shape, expected) => {
    expect(countInvitations(started(crowd(size), shape).run)).toBe(expected);
  });

  test("nobody before it has started, while it is paused, and when it has ended", () => {
    expect(countInvitations(new Drive("a").run)).toBe(0);
    const drive = started("a");
    drive.tell({ type: "pause", actor: "local" });
    expect(countInvitations(drive.run)).toBe(0);
    drive.tell({ type: "cancel", actor: "local" });
    expect(countInvitations(drive.run)).toBe(0);
  });

  test("nobody for a parked lane", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    ada.giveBack("a", "parked");
    expect(countInvitations(drive.run)).toBe(0);
    drive.wait(TIMING.parkedMs);
    expect(countInvitations(drive.run)).toBe(1);
  });

  test("only for what those on their way will not take", () => {
    const drive = started(crowd(20), { each: llm() });
    expect([invite(drive), invite(drive)]).toEqual([4, 0]);
    new Executor(drive).sync({ invitations: 1 });
    expect(countInvitations(drive.run)).toBe(0);
  });

  test("again for what becomes ready later", () => {
    const drive = started(`a ${crowd(12).replaceAll(/(t\d+)/g, "$1:a")}`, { each: llm(), tasks: {} });
    invite(drive);
    const ada = new Executor(drive);
    ada.sync({ invitations: 1 });
    ada.begin("a");
    ada.complete("a");
    expect(invite(drive)).toBe(1);
  });
});

describe("invitations that nobody follows", () => {
  test("are sent again after 5 s, then 10 s, … at most 5 min, more or less by run", () => {
    const drive = started("a", { timeout: 86_400 });
    const waits: number[] = [];
    for (let time = 0; time < 9; time++) {
      expect(invite(drive)).toBe(1);
      const patience = nextDue(drive.run) - drive.now;
      waits.push(patience);
      drive.wait(Math.ceil(patience));
    }
    const [first = 0] = waits;
    expect(waits.map((ms) => Math.round((ms * 10) / first))).toEqual([
      10, 20, 40, 80, 160, 320, 600, 600, 600,
    ]);
    expect(first).toBeGreaterThanOrEqual(4000);
    expect(first).toBeLessThanOrEqual(6000);
  });

  test("are waited for differently long by different runs", () => {
    const waits = Array.from({ length: 50 }, (_, number) => {
      const drive = started("a", { id: idOf(number) });
      invite(drive);
      return nextDue(drive.run) - drive.now;
    });
    expect(new Set(waits).size).toBeGreaterThan(40);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(4000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(6000);
  });

  test("are waited for as briefly as at first, once a session has come", () => {
    const drive = started("a b", { maxParallelTasks: 1 });
    for (let time = 0; time < 4; time++) {
      invite(drive);
      drive.wait(Math.ceil(impatientAt(drive.run) - drive.now));
    }
    invite(drive);
    const ada = new Executor(drive);
    ada.sync({ invitations: 1 });
    ada.sync({
      ended: [ada.ended("a", { kind: "returned", reason: "no_slot" })],
      room: { calls: 0, instant: 0 },
    });
    invite(drive);
    expect(impatientAt(drive.run) - drive.now).toBeLessThanOrEqual(6000);
  });

  test("are not sent again when there is nothing left to hand out", () => {
    const drive = started(crowd(7), { each: llm() });
    invite(drive);
    new Executor(drive).sync({ invitations: 1, room: { calls: 7, instant: 0 } });
    expect(impatientAt(drive.run)).toBe(Number.POSITIVE_INFINITY);
  });

  test("of which more come than were sent are none too few", () => {
    const drive = started("a b", { maxParallelTasks: 1 });
    invite(drive);
    new Executor(drive).sync({ invitations: 5 });
    expect(drive.run.live.invitations.outstanding).toBe(0);
  });
});
