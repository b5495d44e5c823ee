/** What is worked out once from a workflow, and the heap that keeps its order. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { makeHeap } from "../../src/engine/heap.ts";
import { makePlan } from "../../src/engine/plan.ts";
import { laneOf, llm, makeWorkflow, type Shape } from "./shape.ts";

function planned(notation: string, shape: Shape = {}, methodDefaults: Parameters<typeof makePlan>[1] = {}) {
  const plan = makePlan(makeWorkflow(notation, shape), methodDefaults).get("a");
  if (plan === undefined) throw new Error('the workflow has no task "a"');
  return plan;
}

test("each retry setting comes from the task, else the defaults, else the method, else the format's own", () => {
  const method = { "echo/echo": { retry: { maxAttempts: 4, backoff: "linear", baseDelay: 4 } as const } };
  const defaults = { retry: { baseDelay: 5, maxDelay: 50 } };
  expect(planned("a", { each: { retry: { maxDelay: 60, jitter: false } }, defaults }, method).retry).toEqual({
    maxAttempts: 4,
    backoff: "linear",
    baseDelay: 5,
    maxDelay: 60,
    jitter: false,
  });
  expect(planned("a").retry).toEqual({
    maxAttempts: 3,
    backoff: "exponential",
    baseDelay: 1,
    maxDelay: 300,
    jitter: true,
  });
});

test("a task knows who waits for it", () => {
  expect(planned("a b:a c:a d:b").dependents).toEqual(["b", "c"]);
});

test("tasks of the same need are one lane; those without a need have none", () => {
  expect(planned("a", { each: llm("big") }).lane).toBe(laneOf("big"));
  expect(planned("a").lane).toBeUndefined();
});

test("the heap gives back whatever was put in, the least first, however pushes and pops are mixed", () => {
  const steps = fc.array(fc.option(fc.integer({ min: 0, max: 50 })), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (values) => {
      const heap = makeHeap<number>((a, b) => a < b);
      const model: number[] = [];
      for (const value of values) {
        if (value !== null) {
          heap.push(value);
          model.push(value);
          model.sort((a, b) => a - b);
        } else expect(heap.pop()).toBe(model.shift());
        expect([heap.size, heap.peek()]).toEqual([model.length, model[0]]);
      }
    }),
    { seed: 11, numRuns: 200 },
  );
});
