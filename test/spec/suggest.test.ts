import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countEdits, findNearest, limitedSuggest } from "../../src/spec/suggest.ts";

describe("the nearest name", () => {
  it.each([
    ["dependancies", ["params", "dependencies"], "dependencies"],
    ["tmeout", ["name", "timeout"], "timeout"],
    ["paramsx", ["params", "name"], "params"],
    ["nmae", ["name"], "name"],
    ["PARAMS", ["params"], "params"],
    ["a1", ["b", "a"], "a"],
    ["ab", ["aa", "ac"], "aa"],
  ])("to %s among %j is %s", (name, candidates, nearest) => {
    expect(findNearest(name, candidates)).toBe(nearest);
  });

  it("is none when more than a third would have to change", () => {
    expect(findNearest("when", ["params", "name"])).toBeUndefined();
    expect(findNearest("abcdef", ["abcxyz"])).toBeUndefined();
  });

  it("is not the name itself", () => {
    expect(findNearest("a", ["a"])).toBeUndefined();
  });

  it("counts a letter more, less, other, or two swapped as one edit, either way round", () => {
    expect(countEdits("abcd", "abxcd", 9)).toBe(1);
    expect(countEdits("abcd", "abd", 9)).toBe(1);
    expect(countEdits("abcd", "abxd", 9)).toBe(1);
    expect(countEdits("abcd", "acbd", 9)).toBe(1);
    const text = fc.string({ maxLength: 12, unit: fc.constantFrom("a", "b", "c") });
    const property = fc.property(text, text, (one, other) => {
      expect(countEdits(one, other, 20)).toBe(countEdits(other, one, 20));
      expect(countEdits(one, other, 20) === 0).toBe(one === other);
    });
    fc.assert(property, { seed: 20_262, numRuns: 300 });
  });

  it("stops counting at the bound", () => {
    expect(countEdits("aaaa", "bbbb", 2)).toBe(3);
  });
});

describe("suggestions", () => {
  it("are a question", () => {
    expect(limitedSuggest()("nmae", ["name"])).toBe('did you mean "name"?');
  });

  it("fall silent when their comparisons are used up", () => {
    const suggest = limitedSuggest(3);
    expect(suggest("nmae", ["id", "name"])).toBe('did you mean "name"?');
    expect(suggest("nmae", ["id", "name"])).toBeUndefined();
  });
});
