import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseRetryAfter, sentenceIn } from "../../src/providers/refusal.ts";

const now = Date.parse("2026-01-01T00:00:00Z");

test.each([
  ["7", 7000],
  ["0.5", 500],
  ["0", 0],
  ["-1", 0],
  ["Thu, 01 Jan 2026 00:01:00 GMT", 60_000],
  ["Wed, 31 Dec 2025 23:59:00 GMT", 0],
  ["999999999", 3_600_000],
  ["soon", undefined],
  ["", undefined],
  [null, undefined],
])("Retry-After %j is %j ms", (value, expected) => {
  expect(parseRetryAfter(value, now)).toBe(expected);
});

test("Retry-After, whatever it says, is a time from nothing to an hour, or nothing at all", () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const waitMs = parseRetryAfter(value, now) ?? 0;
      expect(waitMs >= 0 && waitMs <= 3_600_000).toBe(true);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test.each([
  ['{"error":"no"}', "no"],
  ['{"error":{"message":"no","code":1}}', "no"],
  ['{"message":"no"}', "no"],
  ['{"jsonrpc":"2.0","id":1,"error":{"code":-32029,"message":"no"}}', "no"],
  ['{"error":{"error":{"error":1}}}', '{"error":{"error":{"error":1}}}'],
  ["[1]", "[1]"],
  ["plain", "plain"],
])("the sentence in %s is %s", (text, expected) => {
  expect(sentenceIn(text)).toBe(expected);
});
