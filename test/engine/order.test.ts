/** What starts when, and what goes first. */
import { describe, expect, test } from "vitest";
import { Drive, started, told } from "./drive.ts";
import { Executor, given } from "./executor.ts";
import { chain, crowd, llm } from "./shape.ts";

describe("start", () => {
  test("queues the tasks that depend on nothing, and no others", () => {
    const drive = new Drive("a b c:a");
    expect(told(drive.tell({ type: "start", actor: "local" }))).toEqual([
      "run started",
      "a queued",
      "b queued",
    ]);
    expect(drive.statusOf("c")).toBe("waiting");
  });

  test("twice is once", () => {
    const drive = started("a");
    expect(drive.tell({ type: "start", actor: "local" }).events).toEqual([]);
  });

  test("is waited for: a run that has not started hands nothing out", () => {
    const drive = new Drive("a");
    const answer = new Executor(drive).sync();
    expect([answer.work, answer.more]).toEqual([[], false]);
  });
});

describe("a task starts the moment its own dependencies are done", () => {
  test("in the very answer that took the result of the last of them", () => {
    const ada = new Executor(started("a b:a"));
    ada.sync();
    expect(given(ada.complete("a"))).toEqual(["b"]);
  });

  test("and not before all of them are", () => {
    const ada = new Executor(started("a b c:a,b"));
    ada.sync();
    expect(given(ada.complete("a"))).toEqual([]);
    expect(given(ada.complete("b"))).toEqual(["c"]);
  });

  test("without waiting for others of its level", () => {
    const ada = new Executor(started("slow quick after:quick last:after"));
    ada.sync();
    ada.complete("quick");
    expect(given(ada.complete("after"))).toEqual(["last"]);
    expect(ada.held.has("slow")).toBe(true);
  });

  test("and the run completes with its last task", () => {
    const drive = started("a b:a");
    const ada = new Executor(drive);
    ada.sync();
    ada.complete("a");
    ada.complete("b");
    expect(drive.log).toEqual([
      "run started",
      "a queued",
      "a started #1",
      "a completed #1",
      "b queued",
      "b started #1",
      "b completed #1",
      "run completed",
    ]);
  });
});

describe("of the tasks that are ready", () => {
  test("those of the higher priority go first, then those that stand first in the file", () => {
    const drive = started("low normal1 high urgent normal2", {
      tasks: { low: { priority: "low" }, high: { priority: "high" }, urgent: { priority: "urgent" } },
    });
    expect(given(new Executor(drive).sync())).toEqual(["urgent", "high", "normal1", "normal2", "low"]);
  });

  test("this holds between tasks that need a provider and those that do not", () => {
    const drive = started("a b c d", { tasks: { b: llm("x"), d: { ...llm("y"), priority: "high" } } });
    expect(given(new Executor(drive).sync())).toEqual(["d?", "a", "b?", "c"]);
  });

  test("a session gets as many as it has room for, of each kind, and hears that there is more", () => {
    const drive = started("a b c d e f", { tasks: { d: llm(), e: llm(), f: llm() } });
    const answer = new Executor(drive).sync({ room: { calls: 2, instant: 1 } });
    expect([given(answer), answer.more]).toEqual([["a", "d?", "e?"], true]);
  });

  test("a session without room gets nothing", () => {
    const drive = started("a b", { tasks: { b: llm() } });
    expect(given(new Executor(drive).sync({ room: { calls: 0, instant: 0 } }))).toEqual([]);
  });

  test("two sessions never get the same one", () => {
    const drive = started(crowd(4), { tasks: { t1: llm(), t3: llm() } });
    const room = { calls: 1, instant: 1 };
    expect(given(new Executor(drive, "ada").sync({ room }))).toEqual(["t0", "t1?"]);
    expect(given(new Executor(drive, "bob").sync({ room }))).toEqual(["t2", "t3?"]);
  });
});

describe("maxParallelTasks", () => {
  test("bounds how many are out at once, over all sessions", () => {
    const drive = started(crowd(5), { maxParallelTasks: 3 });
    const ada = new Executor(drive, "ada");
    expect(given(ada.sync({ room: { calls: 0, instant: 2 } }))).toEqual(["t0", "t1"]);
    const answer = new Executor(drive, "bob").sync();
    expect([given(answer), answer.more]).toEqual([["t2"], false]);
    expect(given(ada.complete("t0"))).toEqual(["t3"]);
  });

  test("counts offers too", () => {
    const drive = started("a b c", { maxParallelTasks: 2, each: llm() });
    expect(given(new Executor(drive).sync())).toEqual(["a?", "b?"]);
  });

  test("is not taken up by a task that waits for its next try", () => {
    const drive = started("a b", { maxParallelTasks: 1 });
    const ada = new Executor(drive);
    ada.sync();
    expect(given(ada.failWith("a", "connection_failed"))).toEqual(["b"]);
  });

  test("lets a chain longer than itself go through", () => {
    const drive = started(chain(30).join(" "), { maxParallelTasks: 2 });
    const ada = new Executor(drive);
    ada.sync();
    for (let index = 0; index < 30; index++) ada.complete(`t${index}`);
    expect(drive.run.state.status).toBe("completed");
  });
});
