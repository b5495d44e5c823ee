import { describe, expect, it } from "vitest";
import { explainPattern } from "../../src/spec/pattern.ts";

describe("a pattern may be used", () => {
  it.each([
    ["^[a-z]+$", "one quantifier"],
    ["^\\d{4}-\\d{2}-\\d{2}$", "several side by side"],
    ["^(foo|bar)+$", "alternatives that begin differently"],
    ["^(?:ab){2,}$", "a repeated group whose parts are fixed"],
    ["^(\\d{1,3}\\.){3}\\d{1,3}$", "a few repeats of a few"],
    ["^(a{2})*$", "a fixed number inside"],
    ["^([a-z]+)?$", "a group that is there or not"],
    ["^(a+)(b*)$", "groups that are not repeated"],
    ["^[(a+)+]+$", "what looks like groups in a class"],
    ["^\\((a+)\\)+$", "escaped brackets"],
    ["^(?=.*\\d)(?<word>\\p{L}+)$", "lookaheads, names, properties"],
    ["^\\u{1F600}+$", "escapes with braces"],
  ])("%s: %s", (pattern) => expect(explainPattern(pattern)).toBeUndefined());
});

describe("a pattern is refused where matching it could take for ever", () => {
  it.each([
    "(a+)+",
    "^(a*)*$",
    "(a+)*b",
    "(?:x+y)*",
    "(?<n>a+){2,}",
    "((a+))*",
    "(([a-z])+.)+",
    "^(\\w+\\s?)*$",
    "(a?){50}",
    "(a{1,3}){20}",
    "(a|a)*",
    "(a|ab)+",
    "(\\w|\\d)*",
    "(a|b|)*",
    "(.*a){11}",
    "(a+|b)*?",
  ])("%s", (pattern) => {
    expect(explainPattern(pattern)).toMatchObject({ isUnsafe: true });
  });

  it("and the group is named", () => {
    expect(explainPattern("^x(a+)+$")?.message).toMatch(/^repeats "\(a\+\)\+".*nested quantifiers/);
  });

  it("as well as one that is too long to be read", () => {
    expect(explainPattern("a".repeat(1001))).toMatchObject({ isUnsafe: true });
  });
});

it("one that is no regular expression is told with the reason", () => {
  expect(explainPattern("(a")).toEqual({
    isUnsafe: false,
    message: "is no regular expression: Unterminated group",
  });
});

it("what is let through matches long texts in no time", () => {
  const text = `${"ab1-".repeat(2000)}!`;
  const patterns = ["^(foo|bar)+$", "^(\\d{1,3}\\.){3}\\d{1,3}$", "^(?:ab){2,}$", "^[a-z0-9-]+$"];
  const started = performance.now();
  for (const pattern of patterns) {
    expect(explainPattern(pattern)).toBeUndefined();
    expect(new RegExp(pattern, "u").test(text)).toBe(false);
  }
  expect(performance.now() - started).toBeLessThan(100);
});
