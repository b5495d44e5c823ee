/** Text of running calls, and how far they are: what a follower gets of it, and when. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LiveEvent } from "../../src/contract/event.ts";
import { LIMITS, TIMING } from "../../src/contract/limits.ts";
import { TokenBuffer } from "../../src/dispatch/tokens.ts";

const A = { taskId: "a", attempt: 1 };
const B = { taskId: "b", attempt: 1 };

let batches: LiveEvent[][];
let tokens: TokenBuffer;

beforeEach(() => {
  vi.useFakeTimers();
  batches = [];
  tokens = new TokenBuffer((batch) => batches.push(batch));
});
afterEach(() => void vi.useRealTimers());

const batchTime = () => void vi.advanceTimersByTime(TIMING.tokenBatchMs);
const texts = () =>
  batches.map((batch) => batch.flatMap((event) => (event.type === "task.token" ? [event] : [])));
const told = () => texts().map((batch) => batch.map(({ taskId, offset, text }) => [taskId, offset, text]));
/** The calls with the text of one batch after the other. */
const calls = () => texts().map((batch) => batch.map(({ call, offset, text }) => [call, offset, text]));
const reports = () => batches.map((batch) => batch.filter(({ type }) => type === "task.progress"));

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
    const attempts = texts().flat();
    expect(attempts.map(({ attempt, offset, text }) => [attempt, offset, text])).toEqual([
      [1, 0, "It is"],
      [2, 0, "The sun"],
    ]);
  });

  test(`are kept to the last ${LIMITS.tokenTextBytes / 1024} Ki characters, and say where these begin`, () => {
    tokens.add(A, "x".repeat(LIMITS.tokenTextBytes));
    tokens.add(A, "end");
    tokens.follow(true);
    batchTime();
    const [event] = texts().flat();
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

describe("a call that is made again elsewhere", () => {
  test("begins its text anew, as the next call of the attempt", () => {
    tokens.follow(true);
    tokens.add(A, "It is");
    batchTime();
    tokens.restart(A);
    tokens.add(A, "Good");
    tokens.add(A, " day");
    batchTime();
    tokens.restart(A);
    tokens.add(A, "Hello");
    batchTime();
    expect(calls()).toEqual([[[1, 0, "It is"]], [[2, 0, "Good day"]], [[3, 0, "Hello"]]]);
  });

  test("is the second also where the first said nothing", () => {
    tokens.follow(true);
    tokens.restart(A);
    tokens.add(A, "Good day");
    batchTime();
    expect(calls()).toEqual([[[2, 0, "Good day"]]]);
  });

  test("takes back what was not sent yet of the one before", () => {
    tokens.follow(true);
    tokens.add(A, "It is");
    tokens.report(A, { progress: 1 });
    tokens.restart(A);
    batchTime();
    expect(batches).toEqual([]);
    tokens.add(A, "Good day");
    batchTime();
    expect(calls()).toEqual([[[2, 0, "Good day"]]]);
  });

  test("is all that one gets who begins to follow", () => {
    tokens.add(A, "It is");
    tokens.restart(A);
    tokens.add(A, "Good day");
    tokens.follow(true);
    batchTime();
    expect(calls()).toEqual([[[2, 0, "Good day"]]]);
  });

  test("says nothing of the calls of other attempts: these count from one", () => {
    tokens.follow(true);
    tokens.restart(A);
    tokens.add(A, "Good day");
    tokens.add(B, "Yes");
    tokens.forget(A);
    tokens.add({ taskId: "a", attempt: 2 }, "Hello");
    batchTime();
    const all = texts().flat();
    expect(all.map(({ taskId, attempt, call }) => [taskId, attempt, call])).toEqual([
      ["a", 1, 2],
      ["b", 1, 1],
      ["a", 2, 1],
    ]);
  });
});

describe("how far a call is", () => {
  const event = { type: "task.progress", ...A };

  test("is sent with the batch, as it was told last and only once", () => {
    tokens.follow(true);
    tokens.report(A, { progress: 1, total: 3, message: "reading" });
    tokens.report(A, { progress: 2, total: 3 });
    tokens.report(B, { progress: 0.5 });
    batchTime();
    batchTime();
    expect(batches).toEqual([
      [
        { ...event, progress: 2, total: 3 },
        { type: "task.progress", ...B, progress: 0.5 },
      ],
    ]);
    tokens.report(A, { progress: 3, total: 3 });
    batchTime();
    expect(batches.at(-1)).toEqual([{ ...event, progress: 3, total: 3 }]);
  });

  test("goes with the text, after it", () => {
    tokens.follow(true);
    tokens.report(A, { progress: 1 });
    tokens.add(A, "It");
    batchTime();
    expect(batches.map((batch) => batch.map(({ type }) => type))).toEqual([["task.token", "task.progress"]]);
  });

  test("is told again to who begins to follow, or asks for it", () => {
    tokens.report(A, { progress: 1 });
    batchTime();
    expect(batches).toEqual([]);
    tokens.follow(true);
    batchTime();
    tokens.follow(true);
    batchTime();
    expect(batches).toEqual([[{ ...event, progress: 1 }]]);
    tokens.follow(true, true);
    batchTime();
    expect(reports()).toEqual([[{ ...event, progress: 1 }], [{ ...event, progress: 1 }]]);
  });

  test("is sent to its last word before the attempt is forgotten, and to nobody later", () => {
    tokens.follow(true);
    tokens.report(A, { progress: 1 });
    tokens.forget(A);
    expect(batches).toEqual([[{ ...event, progress: 1 }]]);
    tokens.follow(true, true);
    batchTime();
    expect(batches).toHaveLength(1);
  });

  test(`has a message of ${LIMITS.shortMessageChars} characters at most`, () => {
    tokens.follow(true);
    tokens.report(A, { progress: 1, message: "m".repeat(1000) });
    batchTime();
    expect(batches).toEqual([[{ ...event, progress: 1, message: "m".repeat(LIMITS.shortMessageChars) }]]);
  });

  test("costs no timer while nobody follows", () => {
    tokens.report(A, { progress: 1 });
    expect(vi.getTimerCount()).toBe(0);
  });
});
