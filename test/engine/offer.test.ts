/** Slots before attempts: tasks with a need are offered, and begin when a hub has a slot for them. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../src/contract/limits.ts";
import { nextDue } from "../../src/engine/due.ts";
import { answerSlot } from "../../src/engine/offers.ts";
import { taskOf } from "../../src/engine/run.ts";
import { started, told } from "./drive.ts";
import { completed, Executor, failed, given } from "./executor.ts";
import { laneOf, llm } from "./shape.ts";

const two = { tasks: { big1: llm("big"), big2: llm("big"), small: llm("small") } };

describe("an offer", () => {
  test("says what to ask the hub for, and makes neither attempt nor event", () => {
    const drive = started("a", { each: { ...llm(), priority: "high" } });
    const ada = new Executor(drive);
    const decision = ada.say();
    expect(decision.answer?.work).toEqual([
      {
        kind: "offer",
        taskId: "a",
        attempt: 1,
        need: { protocol: "llm/v1", model: "small" },
        lane: laneOf("small"),
        priority: "high",
        avoid: [],
      },
    ]);
    expect(decision.events).toEqual([]);
    expect([drive.statusOf("a"), taskOf(drive.run, "a").attempts]).toEqual(["queued", []]);
  });

  test("is not made to tasks that need no provider: those begin at once", () => {
    const drive = started("a b", {
      tasks: {
        a: { protocol: "mcp/v1", method: "mcp/tool.add" },
        b: { protocol: "mcp/v1", method: "mcp/tool.x" },
      },
    });
    expect(given(new Executor(drive).sync())).toEqual(["a", "b?"]);
  });

  test("is not made where a reference turns out to mean a built-in tool", () => {
    const drive = started("a", {
      given: { tool: "add" },
      each: { protocol: "mcp/v1", method: "mcp/tools/call", params: { name: "${inputs.tool}" } },
    });
    const ada = new Executor(drive);
    expect(given(ada.sync())).toEqual(["a"]);
    expect(drive.log.at(-1)).toBe("a started #1");
  });

  test("for which there will be no slot is an attempt that failed", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "no_provider");
    expect(drive.log.slice(-3)).toEqual(["a started #1", "a failed #1", "run failed"]);
  });

  test("that failed on the way is tried again after its delay, as the next attempt", () => {
    const drive = started("a", { each: { ...llm(), retry: { jitter: false } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "provider_unavailable");
    expect(drive.log.slice(-2)).toEqual(["a started #1", "a retrying #1 (failed)"]);
    drive.wait(1000);
    expect(ada.sync().work).toMatchObject([{ kind: "offer", attempt: 2 }]);
  });

  test("given back can be taken by another session", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    expect(given(ada.giveBack("a", "no_slot"))).toEqual(["a?"]);
    ada.sync({
      ended: [ada.ended("a", { kind: "returned", reason: "no_slot" })],
      room: { calls: 0, instant: 0 },
    });
    expect(given(new Executor(drive, "bob").sync())).toEqual(["a?"]);
  });

  test("is given back in vain by one who does not have it", () => {
    const drive = started("a", { each: llm() });
    new Executor(drive, "ada").sync();
    const outcome = { kind: "returned", reason: "parked" } as const;
    new Executor(drive, "bob").sync({ ended: [{ taskId: "a", attempt: 1, outcome }] });
    expect(drive.run.live.offers.get("a")).toBe("ada");
  });

  test("of an earlier attempt cannot be given back any more", () => {
    const drive = started("a", { each: { ...llm(), retry: { baseDelay: 0 } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.begin("a");
    ada.failWith("a", "timeout");
    ada.sync({ ended: [{ taskId: "a", attempt: 1, outcome: failed("timeout") }] });
    expect(drive.log.filter((line) => line.includes("retrying"))).toHaveLength(1);
  });
});

describe("a parked lane", () => {
  test("is passed over, and other lanes go on", () => {
    const drive = started("big1 big2 small free", two);
    const ada = new Executor(drive);
    expect(given(ada.sync({ room: { calls: 1, instant: 0 } }))).toEqual(["big1?"]);
    expect(given(ada.giveBack("big1", "parked"))).toEqual(["small?", "free"]);
  });

  test("is passed over whatever its priority", () => {
    const drive = started("a b", { tasks: { a: { ...llm("big"), priority: "urgent" }, b: llm("small") } });
    const ada = new Executor(drive);
    ada.sync({ room: { calls: 1, instant: 0 } });
    const answer = ada.giveBack("a", "parked");
    expect([given(answer), answer.more]).toEqual([["b?"], false]);
  });

  test("is offered again when the hub keeps slots for it: as many of its tasks as there are slots", () => {
    const drive = started("big1 big2 big3 small", { tasks: { ...two.tasks, big3: llm("big") } });
    const ada = new Executor(drive);
    ada.sync({ room: { calls: 1, instant: 0 } });
    expect(given(ada.giveBack("big1", "parked"))).toEqual(["small?"]);
    expect(told(drive.tell({ type: "slot", lane: laneOf("big"), isKept: true, waits: true }))).toEqual([]);
    const first = ada.sync();
    expect([given(first), first.more]).toEqual([["big1?"], false]);
    drive.tell({ type: "slot", lane: laneOf("big"), isKept: true, waits: true });
    expect(given(ada.sync())).toEqual(["big2?"]);
  });

  test("is open again when the hub keeps a slot for each of its tasks: it notes no more of them", () => {
    const drive = started("a free later:free", { tasks: { a: llm(), later: llm() } });
    const ada = new Executor(drive);
    ada.sync();
    ada.giveBack("a", "parked");
    drive.tell({ type: "slot", lane: laneOf(), isKept: true, waits: false });
    expect(given(ada.sync())).toEqual(["a?"]);
    expect(given(ada.complete("free"))).toEqual(["later?"]);
  });

  test("is not parked by an answer that the hub's word has overtaken, also when it kept none", () => {
    const drive = started("a later:a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    drive.tell({ type: "slot", lane: laneOf(), isKept: false, waits: false });
    expect(given(ada.giveBack("a", "parked"))).toEqual(["a?"]);
    ada.sync({ begun: [{ ...ada.ref("a"), instance: "spark" }] });
    expect(given(ada.complete("a"))).toEqual(["later?"]);
  });

  test("is open again when the hub says that waiting leads nowhere", () => {
    const drive = started("big1 big2 small", two);
    const ada = new Executor(drive);
    ada.sync({ room: { calls: 1, instant: 0 } });
    ada.giveBack("big1", "parked");
    drive.tell({ type: "slot", lane: "no such lane", isKept: false, waits: false });
    expect(given(ada.sync())).toEqual([]);
    drive.tell({ type: "slot", lane: laneOf("big"), isKept: false, waits: false });
    expect(given(ada.sync())).toEqual(["big1?", "big2?"]);
  });

  test("is not opened by a slot for another one", () => {
    const drive = started("big1 small", two);
    const ada = new Executor(drive);
    ada.sync({ room: { calls: 1, instant: 0 } });
    ada.giveBack("big1", "parked");
    drive.tell({ type: "slot", lane: laneOf("small"), isKept: true, waits: false });
    drive.tell({ type: "slot", lane: "no such lane", isKept: true, waits: false });
    expect(given(ada.sync())).toEqual([]);
  });

  test("is offered again after 30 s, and that is when the run is looked at", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    ada.giveBack("a", "parked");
    expect(nextDue(drive.run)).toBe(drive.now + TIMING.parkedMs);
    drive.wait(TIMING.parkedMs - 1);
    expect(given(ada.sync())).toEqual([]);
    drive.wait(1);
    expect(given(ada.sync())).toEqual(["a?"]);
  });

  test("with nothing waiting in it is no reason to wake", () => {
    const drive = started("a b", { tasks: { a: llm() } });
    const ada = new Executor(drive);
    ada.sync();
    ada.giveBack("a", "parked");
    ada.sync({ begun: [{ taskId: "a", attempt: 1, instance: "spark" }] });
    expect(drive.statusOf("a")).toBe("running");
    expect(nextDue(drive.run)).toBe(drive.now + drive.run.leaseMs);
  });

  test("holds up what becomes ready in it later", () => {
    const drive = started("a free later:free", { tasks: { a: llm(), later: llm() } });
    const ada = new Executor(drive);
    ada.sync();
    ada.giveBack("a", "parked");
    expect(given(ada.complete("free"))).toEqual([]);
    drive.tell({ type: "slot", lane: laneOf(), isKept: true, waits: true });
    expect(given(ada.sync())).toEqual(["a?"]);
    drive.tell({ type: "slot", lane: laneOf(), isKept: true, waits: false });
    expect(given(ada.sync())).toEqual(["later?"]);
  });

  test("does not hold up attempts that have their slot", () => {
    const drive = started("a b", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    const parked = ada.ended("b", { kind: "returned", reason: "parked" });
    expect(given(ada.sync({ begun: [{ ...ada.ref("a"), instance: "spark" }], ended: [parked] }))).toEqual([
      "a",
    ]);
    expect(given(ada.sync({ ended: [ada.ended("a", completed(1))] }))).toEqual([]);
  });

  test("wants the slot the hub keeps for it while it has a task that is ready or asks for one", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    const isWanted = (lane = laneOf()) => answerSlot(drive.run, lane).isWanted;
    expect(isWanted()).toBe(true);
    ada.sync();
    expect([isWanted(), isWanted(laneOf("big"))]).toEqual([true, false]);
    ada.sync({ begun: [{ ...ada.ref("a"), instance: "spark" }] });
    expect(isWanted()).toBe(false);
  });

  test("says how urgent its next task is beyond those that slots are kept for, as long as there is one", () => {
    const drive = started("a b c", {
      each: llm(),
      tasks: { a: { priority: "low" }, b: { priority: "urgent" }, c: { priority: "high" } },
    });
    const answers = () => {
      const answer = answerSlot(drive.run, laneOf());
      drive.tell({ type: "slot", lane: laneOf(), isKept: answer.isWanted, waits: answer.next !== undefined });
      return answer;
    };
    expect([answers(), answers(), answers(), answers()]).toEqual([
      { isWanted: true, next: "high" },
      { isWanted: true, next: "low" },
      { isWanted: true },
      { isWanted: false },
    ]);
    expect(answerSlot(drive.run, "no such lane")).toEqual({ isWanted: false });
  });

  test("wants no slot while its run lets no more tasks out, and asks anew when it does", () => {
    const drive = started("a b c", {
      each: llm(),
      maxParallelTasks: 1,
      tasks: { a: llm("big"), b: llm("big") },
    });
    const ada = new Executor(drive);
    ada.sync();
    const slot = (lane: string) => {
      const answer = answerSlot(drive.run, lane);
      drive.tell({ type: "slot", lane, isKept: answer.isWanted, waits: answer.next !== undefined });
      return answer;
    };
    ada.sync({ ended: [ada.ended("a", { kind: "returned", reason: "parked" })] });
    ada.sync({ begun: [{ ...ada.ref("c"), instance: "spark" }] });
    expect(slot(laneOf("big"))).toEqual({ isWanted: false });
    const done = ada.sync({ ended: [ada.ended("c", completed(1))] });
    expect(given(done)).toEqual(["a?"]);
  });

  test("wants no slot while its run is paused, or when it has ended", () => {
    const drive = started("a", { each: llm() });
    drive.tell({ type: "pause", actor: "me" });
    expect(answerSlot(drive.run, laneOf())).toEqual({ isWanted: false });
    drive.tell({ type: "cancel", actor: "me" });
    expect(answerSlot(drive.run, laneOf())).toEqual({ isWanted: false });
  });

  test("is not parked by an answer that the hub's word has overtaken", () => {
    const drive = started("a", { each: llm() });
    const ada = new Executor(drive);
    ada.sync();
    drive.tell({ type: "slot", lane: laneOf(), isKept: true, waits: false });
    const parked = { ...ada.ref("a"), outcome: { kind: "returned" as const, reason: "parked" as const } };
    expect(given(ada.sync({ ended: [parked] }))).toEqual(["a?"]);
    // Asked with the slot that was kept, it heard the same: now it waits.
    expect(given(ada.sync({ ended: [parked] }))).toEqual([]);
  });
});
