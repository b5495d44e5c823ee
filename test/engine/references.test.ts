/** What a task is given: its params with every reference replaced, at the moment it starts. */
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import { taskOf } from "../../src/engine/run.ts";
import { Drive, started } from "./drive.ts";
import { completed, Executor, given } from "./executor.ts";
import { llm } from "./shape.ts";

describe("references are resolved when the task starts", () => {
  test("from results that came in the same sync", () => {
    const drive = started("a b:a", { tasks: { b: { params: { n: "${a.count}", text: "n=${a.count}" } } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.complete("a", { count: 3 });
    expect(ada.params("b")).toEqual({ n: 3, text: "n=3" });
  });

  test("from results that were stored long ago", () => {
    const drive = started("a b:a", { tasks: { b: { params: { it: "${a}" } } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.say({ ended: [ada.ended("a", completed("kept"))], room: { calls: 0, instant: 0 } });
    drive.evict();
    ada.sync();
    expect(ada.params("b")).toEqual({ it: "kept" });
  });

  test("by the task's id or its name, from the run's inputs, and from the run itself", () => {
    const drive = new Drive("a b:a", {
      given: { topic: "edge" },
      tasks: {
        a: { name: "First task" },
        b: { params: { t: "${First task}", i: "${inputs.topic}", r: "${run}" } },
      },
    });
    drive.now += 1000;
    const ada = new Executor(drive.start());
    ada.sync();
    ada.complete("a", 1);
    expect(ada.params("b")).toEqual({
      t: 1,
      i: "edge",
      r: { id: drive.definition.id, name: "test", startedAt: "2025-01-01T00:00:01.000Z" },
    });
  });

  test("and make the need that is asked for, not only the params", () => {
    const drive = started("a", { given: { model: "big" }, each: llm("${inputs.model}") });
    const [offer] = new Executor(drive).sync().work;
    expect(offer).toMatchObject({ kind: "offer", attempt: 1, need: { protocol: "llm/v1", model: "big" } });
  });

  test("from the attempt that completed, when an earlier one did not", () => {
    const drive = started("a b:a", {
      tasks: { a: { retry: { baseDelay: 0 } }, b: { params: { it: "${a}" } } },
    });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "timeout");
    ada.complete("a", "second");
    expect(ada.params("b")).toEqual({ it: "second" });
  });
});

describe("a reference that does not resolve", () => {
  const unresolved = { tasks: { b: { params: { it: "${a.missing}" } } } };

  test("fails the task before any attempt, with the keys there are, and is not retried", () => {
    const drive = started("a b:a", unresolved);
    const ada = new Executor(drive);
    ada.sync();
    expect(given(ada.complete("a", { found: 1 }))).toEqual([]);
    expect(taskOf(drive.run, "b").attempts).toEqual([]);
    expect(taskOf(drive.run, "b").state).toMatchObject({
      status: "failed",
      error: {
        code: "reference_unresolved",
        message: 'task "b": "${a.missing}": task "a" has no "missing"; it has: found',
        retryable: false,
        details: { reference: "${a.missing}" },
      },
    });
    expect(drive.run.state.status).toBe("failed");
  });

  test("takes its dependents down, and others go on in the same answer", () => {
    const drive = started("a b:a c:b d:a", unresolved);
    const ada = new Executor(drive);
    ada.sync();
    expect(given(ada.complete("a", {}))).toEqual(["d"]);
    expect(drive.statusOf("c")).toBe("skipped");
  });

  test("ends a fail_fast run before anything else is handed out", () => {
    const drive = started("a b:a d:a", { ...unresolved, onFailure: "fail_fast" });
    const ada = new Executor(drive);
    ada.sync();
    expect(given(ada.complete("a", {}))).toEqual([]);
    expect(drive.statusOf("d")).toBe("cancelled");
  });

  test("fails a task with a need before it is offered", () => {
    const drive = started("a", { each: llm("${inputs.nothing}") });
    expect(new Executor(drive).sync().work).toEqual([]);
    expect(drive.statusOf("a")).toBe("failed");
  });

  test("is null where the task it names was allowed to fail that way", () => {
    const drive = started("a b:a c:b", {
      tasks: { b: { params: { it: "${a.missing}" }, allowFailure: true }, c: { params: { it: "${b.x}" } } },
    });
    const ada = new Executor(drive);
    ada.sync();
    ada.complete("a", {});
    expect(ada.params("c")).toEqual({ it: null });
  });

  test("is one to a task whose result nobody waited for", () => {
    const drive = started("a b", { tasks: { b: { params: { it: "${a}", at: "${nobody}" } } } });
    new Executor(drive).sync();
    expect(taskOf(drive.run, "b").state).toMatchObject({
      error: { code: "reference_unresolved", message: expect.stringContaining('there is no task "a"') },
    });
  });
});

describe("sizes", () => {
  const mebibyte = "x".repeat(2 ** 20);

  test("params over the limit after substitution fail the task, naming it", () => {
    const many = Array.from({ length: 17 }, () => "${a}");
    const drive = started("a b:a", { tasks: { b: { params: { many } } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.complete("a", mebibyte);
    expect(taskOf(drive.run, "b").state).toMatchObject({
      error: { code: "params_too_large", message: expect.stringMatching(/^task "b": /) },
    });
  });

  test("bytes are counted, not characters", () => {
    const umlauts = "ä".repeat(2 ** 20);
    const many = Array.from({ length: 9 }, () => "${a}");
    const drive = started("a b:a", { tasks: { b: { params: { many } } } });
    const ada = new Executor(drive);
    ada.sync();
    ada.complete("a", umlauts);
    expect(taskOf(drive.run, "b").state).toMatchObject({
      error: { code: "params_too_large", message: expect.stringContaining(`at most ${LIMITS.paramsBytes}`) },
    });
  });

  test("an answer that is full leaves the rest for the next one, and says that there is more", () => {
    const params = { many: Array.from({ length: 9 }, () => "${a}") };
    const drive = started("a b:a c:a d:a", { tasks: { b: { params }, c: { params } } });
    const ada = new Executor(drive);
    ada.sync();
    const answer = ada.complete("a", mebibyte);
    expect([given(answer), answer.more]).toEqual([["b"], true]);
    expect(drive.statusOf("c")).toBe("queued");
    expect(given(ada.sync())).toEqual(["c", "d"]);
  });

  test("attempts that begin wait for the next answer too, with their slots", () => {
    const params = { ...llm().params, many: Array.from({ length: 9 }, () => "${inputs.text}") };
    const drive = started("a b", { given: { text: mebibyte }, each: { ...llm(), params } });
    const ada = new Executor(drive);
    ada.sync();
    expect(given(ada.begin("a", "b"))).toEqual(["a", "b?"]);
    expect(given(ada.begin("b"))).toEqual(["b"]);
  });

  test("work that is given again waits for the next answer too", () => {
    const params = { many: Array.from({ length: 9 }, () => "${inputs.text}") };
    const drive = started("a b", { given: { text: mebibyte }, each: { params } });
    const ada = new Executor(drive);
    ada.say();
    ada.say();
    expect(given(ada.sync())).toEqual(["a"]);
    expect(given(ada.sync())).toEqual(["b"]);
  });
});
