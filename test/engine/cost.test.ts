/** A command costs what it touches, never the size of the run. Reads of tasks are counted; no clock decides. */
import { expect, test } from "vitest";
import type { Task } from "../../src/engine/run.ts";
import { Drive, type Setting } from "./drive.ts";
import { completed, Executor, failed } from "./executor.ts";
import { chain, crowd, llm } from "./shape.ts";

/** Counts every entry that is read; walking through all of them counts as all of them. */
class CountingMap extends Map<string, Task> {
  reads = 0;

  override get(id: string): Task | undefined {
    this.reads++;
    return super.get(id);
  }

  override has(id: string): boolean {
    this.reads++;
    return super.has(id);
  }

  override values(): MapIterator<Task> {
    this.reads += this.size;
    return super.values();
  }

  override entries(): MapIterator<[string, Task]> {
    this.reads += this.size;
    return super.entries();
  }

  override [Symbol.iterator](): MapIterator<[string, Task]> {
    return this.entries();
  }
}

type Play = (drive: Drive, executor: Executor) => void;

/** How many entries are read by `act` in a run that was started and brought on its way by `prepare`. */
function readsOf(notation: string, setting: Setting, prepare: Play, act: Play): number {
  const drive = new Drive(notation, setting);
  const tasks = new CountingMap(drive.run.tasks);
  drive.run = { ...drive.run, tasks };
  drive.start();
  const executor = new Executor(drive);
  prepare(drive, executor);
  tasks.reads = 0;
  act(drive, executor);
  return tasks.reads;
}

const inChain = (size: number, prepare: Play, act: Play) =>
  readsOf(chain(size).toReversed().join(" "), {}, prepare, act);

const begin: Play = (_, executor) => executor.sync();
const threeSteps: Play = (_, executor) => {
  for (const id of ["t0", "t1", "t2"]) executor.complete(id);
};

test("a sync that ends a task and gets the next reads no more tasks in a chain of 5,000 than in one of 50", () => {
  const few = inChain(50, begin, threeSteps);
  expect(few).toBeGreaterThan(0);
  expect(inChain(5000, begin, threeSteps)).toBe(few);
});

test("so it is among 5,000 tasks that are all ready", () => {
  const setting = { maxParallelTasks: 10 };
  const act: Play = (_, executor) => executor.complete("t3");
  const few = readsOf(crowd(50), setting, begin, act);
  expect(readsOf(crowd(5000), setting, begin, act)).toBe(few);
});

test("so it is for offers: taken, parked, begun and failed", () => {
  const setting = { each: llm(), maxParallelTasks: 1000 };
  const act: Play = (drive, executor) => {
    executor.begin("t0", "t1");
    executor.sync({ ended: [executor.ended("t0", failed("timeout")), executor.ended("t1", completed(1))] });
    executor.giveBack("t3", "parked");
    drive.wait(30_000);
  };
  const few = readsOf(crowd(50), setting, begin, act);
  expect(readsOf(crowd(5000), setting, begin, act)).toBe(few);
});

test.each<[string, Play]>([
  ["a sync that only renews", (_, executor) => executor.sync()],
  ["a wake with nothing due", (drive) => drive.wait(1)],
  ["a lease that ends", (drive) => drive.wait(drive.run.leaseMs)],
  ["a pause", (drive) => drive.tell({ type: "pause", actor: "local" })],
  ["a slot", (drive) => drive.tell({ type: "slot", lane: "x", isKept: true, waits: false })],
])("so it is for %s", (_, act) => {
  expect(inChain(5000, begin, act)).toBe(inChain(50, begin, act));
});

test("what comes after a task is walked through once, not once for each of the 2⁵⁰ ways to it", () => {
  const layers = Array.from({ length: 50 }, (_, n) => {
    const above = n === 0 ? "" : `:a${n - 1},b${n - 1}`;
    return `a${n}${above} b${n}${above}`;
  });
  const drive = new Drive(layers.join(" ")).start();
  const executor = new Executor(drive);
  executor.sync();
  executor.failWith("a0", "script_failed");
  executor.failWith("b0", "script_failed");
  drive.tell({ type: "retry", actor: "local", from: "a0" });
  expect(drive.run.unfinished).toBe(100);
});
