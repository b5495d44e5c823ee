/** Text that a new connection repeats: only what is new of it is given. */
import { expect, test } from "vitest";
import { trimTokens } from "../../src/client/tokens.ts";
import type { TokenEvent } from "../../src/contract/event.ts";

/** What is left of these pieces, one after the other. */
function trimmed(...pieces: Partial<TokenEvent>[]): unknown[] {
  const trim = trimTokens();
  const first = { type: "task.token", taskId: "a", attempt: 1, call: 1, offset: 0, text: "" } as const;
  return pieces.map((piece) => {
    const left = trim({ ...first, ...piece });
    return left && [left.offset, left.text];
  });
}

test("text that goes on is given as it is", () => {
  const pieces = [{ text: "It" }, { offset: 2, text: " is" }];
  expect(trimmed(...pieces)).toEqual([
    [0, "It"],
    [2, " is"],
  ]);
});

test("of text that was seen only what is new is given, and nothing where there is none", () => {
  const pieces = [{ text: "It is" }, { text: "It is raining" }, { text: "It is raining" }];
  expect(trimmed(...pieces)).toEqual([[0, "It is"], [5, " raining"], undefined]);
});

test("text with a gap before it is given as it is", () => {
  expect(trimmed({ text: "It" }, { offset: 9, text: "ing" })).toEqual([
    [0, "It"],
    [9, "ing"],
  ]);
});

test("another call of the attempt, another attempt and another task begin anew, as long as the text before was", () => {
  const pieces = [
    { text: "It is raining" },
    { call: 2, text: "Good" },
    { call: 2, text: "Good day" },
    { attempt: 2, text: "Hello" },
    { taskId: "b", text: "Yes" },
  ];
  expect(trimmed(...pieces)).toEqual([
    [0, "It is raining"],
    [0, "Good"],
    [4, " day"],
    [0, "Hello"],
    [0, "Yes"],
  ]);
});
