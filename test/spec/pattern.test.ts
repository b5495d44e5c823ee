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
    ["^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", "what stands between is in one of both, once"],
    ["^.*foo.*bar.*$", "three that may share the text"],
    ["^\\S+@\\S+\\.\\S+$", "three, as many patterns of addresses have"],
    ["^\\s*[a-z]+\\s*=\\s*.*$", "others between, which the first do not match"],
    ["^[a-z]*b?[0-9]*$", "several that share nothing"],
    ["^a*b*.*$", "one that shares with each of several, which share nothing"],
    ["^[a-z]+(-[a-z]{2})*(\\.[a-z]{2})*$", "repeated groups that need what the others do not match"],
    ["^(?=.*[a-z])(?=.*[A-Z])(?=.*\\d).{8,}$", "lookaheads, each for itself"],
    ["^(a*a*|b*b*|.*)$", "alternatives, each for itself"],
    ["^(jan|jun|jul|aug)-\\d+$", "alternatives that begin alike"],
    ["^arn:[^:]*:[^:]*:[^:]*:[^:]*:.*$", "many fields with their signs between"],
    ["^\\+?\\d{1,3}[ -]?\\d{3}[ -]?\\d{3}[ -]?\\d{4}$", "optional signs"],
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

  it.each([
    "^a*a*a*a*a*a*$",
    "^a*a*a*a*$",
    "^(.*)(.*)(.*)(.*)(.*)$",
    `^${"([a-z]*)".repeat(8)}$`,
    "^\\s*.*\\s*.*$",
    "^.*foo.*bar.*baz.*$",
    "^a+aa+aa+aa+$",
    "^a*b*a*b*a*$",
    "^a*a*ba*a*ba*a*b$",
    "^(a*b?)(a*b?)(a*b?)a*$",
    "^(?:a*|b)(?:a*|b)(?:a*|b)(?:a*|b)$",
    "(ab)*(ab)*(ab)*(ab)*c",
    "^\\u0061*\\x61*[a]*a*$",
    "^[^b]*\\D*[\\w-]*.*$",
    "^[^\\p{L}]*1*\\d*.*$",
    "^😀*[😀]*[^a]*.*$",
    "^(?i:A*)a*a*a*$",
    "^(?=a*a*a*a*b)",
    "a?".repeat(26) + "a".repeat(26),
    "(a|a)".repeat(40),
    "^.{0,2000}.{0,2000}.{0,2000}.{0,2000}$",
  ])("%s: parts in a row can match the same text", (pattern) => {
    const fault = explainPattern(pattern);
    expect(fault).toMatchObject({ isUnsafe: true });
    expect(fault?.message).toMatch(/^".*" has several quantifiers in a row .* put between them/s);
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

it("groups within groups are looked at once each", () => {
  expect(explainPattern(`${"(".repeat(160)}a${"){2}".repeat(160)}`)).toBeUndefined();
});
