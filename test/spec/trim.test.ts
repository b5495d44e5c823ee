import { expect, test } from "vitest";
import { trim } from "../../src/spec/trim.ts";

test("a small value comes back as it is", () => {
  const value = { a: [1, { b: 2 }] };
  const trimmed = trim(value, 20);
  expect(trimmed.value).toBe(value);
  expect(trimmed.isCut(value.a)).toBe(false);
});

test("of a large value the outer part is kept, and it is known what was cut", () => {
  const { value, isCut } = trim({ a: [1, 2, 3, 4], b: { c: "x", d: "y" }, e: [] }, 5);
  expect(value).toEqual({ a: [1], b: { c: "x" }, e: [] });
  const { a, b, e } = Object(value);
  expect([value, a, b, e].map(isCut)).toEqual([false, true, true, false]);
});

test("a key called __proto__ is kept as a key", () => {
  const { value } = trim({ ["__proto__"]: 1, list: Array.from({ length: 9 }, () => 0) }, 8);
  expect(Object.keys(Object(value))).toEqual(["__proto__", "list"]);
});
