/** Text of running calls: what a follower gets of it, and when. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { TokenEvent } from "../../src/contract/event.ts";
import { LIMITS, TIMING } from "../../src/contract/limits.ts";
import { TokenBuffer } from "../../src/dispatch/tokens.ts";

const A = { taskId: "a", attempt: 1 };
const B = { taskId: "b", attempt: 1 };

let batches: TokenEvent[][];
let tokens: TokenBuffer;

beforeEach(() => {
  vi.useFakeTimers();
  batches = [];
  tokens = new TokenBuffer((batch) => batches.push(batch));
});
afterEach(() => void vi.useRealTimers());

const batchTime = () => void vi.advanceTimersByTime(TIMING.tokenBatchMs);
const told = () => batches.map((batch) => batch.map(({ taskId, offset, text }) => [taskId, offset, text]));

describe("tokens", () => {
  test("are sent to nobody while nobody follows", () => {
    tokens.add(A, "It");
    batchTime();
    expect(told()).toEqual([]);
  });

  test("go in batches, each from where the one before ended", () => {
    tokens.follow(true);
    tokens.add(A, "It");
    tokens.add(A, " is");
    tokens.add(B, "Yes");
    batchTime();
    tokens.add(A, " raining");
    batchTime();
    batchTime();
    expect(told()).toEqual([
      [
        ["a", 0, "It is"],
        ["b", 0, "Yes"],
      ],
      [["a", 5, " raining"]],
    ]);
  });

  test("begin with the text so far for who begins to follow", () => {
    tokens.add(A, "It is");
    tokens.follow(true);
    tokens.add(A, " raining");
    batchTime();
    expect(told()).toEqual([[["a", 0, "It is raining"]]]);
  });

  test("go on where they were for a follower that is confirmed", () => {
    tokens.follow(true);
    tokens.add(A, "It is");
    batchTime();
    tokens.follow(true);
    tokens.add(A, " raining");
    batchTime();
    expect(told().at(-1)).toEqual([["a", 5, " raining"]]);
  });

  test("begin again for who asks for the text so far", () => {
    tokens.follow(true);
    tokens.add(A, "It is");
    batchTime();
    tokens.follow(true, true);
    batchTime();
    expect(told().at(-1)).toEqual([["a", 0, "It is"]]);
  });

  test("begin again for who follows after an interval without followers", () => {
    tokens.follow(true);
    tokens.add(A, "It is");
    batchTime();
    tokens.follow(false);
    tokens.add(A, " raining");
    batchTime();
    tokens.follow(true);
    batchTime();
    expect(told().at(-1)).toEqual([["a", 0, "It is raining"]]);
  });

  test("are sent to their last one before the attempt is forgotten", () => {
    tokens.follow(true);
    tokens.add(A, "It is raining");
    tokens.forget(A);
    expect(told()).toEqual([[["a", 0, "It is raining"]]]);
    batchTime();
    expect(told()).toHaveLength(1);
  });

  test("of a forgotten attempt are not sent to who comes later", () => {
    tokens.add(A, "It is raining");
    tokens.forget(A);
    tokens.follow(true);
    batchTime();
    expect(told()).toEqual([]);
  });

  test("of two attempts of one task do not mix", () => {
    tokens.follow(true);
    tokens.add(A, "It is");
    tokens.forget(A);
    tokens.add({ taskId: "a", attempt: 2 }, "The sun");
    batchTime();
    expect(batches.flat().map(({ attempt, offset, text }) => [attempt, offset, text])).toEqual([
      [1, 0, "It is"],
      [2, 0, "The sun"],
    ]);
  });

  test(`are kept to the last ${LIMITS.tokenTextBytes / 1024} Ki characters, and say where these begin`, () => {
    tokens.add(A, "x".repeat(LIMITS.tokenTextBytes));
    tokens.add(A, "end");
    tokens.follow(true);
    batchTime();
    const [event] = batches.flat();
    expect([event?.offset, event?.text.length]).toEqual([3, LIMITS.tokenTextBytes]);
    expect(event?.text.endsWith("xend")).toBe(true);
  });

  test("cost no timer while nobody follows or nothing runs", () => {
    tokens.add(A, "It");
    expect(vi.getTimerCount()).toBe(0);
    tokens.forget(A);
    tokens.follow(true);
    expect(vi.getTimerCount()).toBe(0);
  });
});
