import { describe, expect, it } from "vitest";
import { collectFindings } from "../../src/spec/problems.ts";
import { readText } from "../../src/spec/source.ts";
import { readYaml } from "../../src/spec/yaml-source.ts";
import { echo, file, problemOf, problemsOf } from "./checking.ts";

const readAll = (text: string): unknown => {
  const { value, problems } = readText(text);
  expect(problems).toEqual([]);
  return value;
};

describe("YAML text", () => {
  it("is read as JSON has it", () => {
    expect(
      readAll("a: 1\nb: [x, true, null, 1.5e3]\nc: |\n  two\n  lines\nd: {}\n1: one\ntrue: yes\n1.0: v"),
    ).toEqual({
      a: 1,
      b: ["x", true, null, 1500],
      c: "two\nlines\n",
      d: {},
      "1": "one",
      true: "yes",
      "1.0": "v",
    });
  });

  it("may use anchors and merge keys, where what is stated wins", () => {
    const text = "base: &b { x: 1, y: 2 }\nall: [*b, *b]\none: { <<: *b, y: 3 }\ntwo: { <<: [{ x: 7 }, *b] }";
    expect(readAll(text)).toEqual({
      base: { x: 1, y: 2 },
      all: [
        { x: 1, y: 2 },
        { x: 1, y: 2 },
      ],
      one: { x: 1, y: 3 },
      two: { x: 7, y: 2 },
    });
  });

  it("may use one anchor in a thousand tasks", () => {
    const tasks = Array.from({ length: 1000 }, (_, index) => echo(`t${index}`, "retry: *r"));
    expect(problemsOf(`name: x\nmetadata: { r: &r { maxAttempts: 2 } }\ntasks:\n${tasks.join("")}`)).toEqual(
      [],
    );
  });

  it("may have a key called __proto__, which is a key like any other", () => {
    const value = readAll("__proto__: { polluted: true }");
    expect(Object.keys(Object(value))).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
  });

  it("may be nested 64 levels, and not one more", () => {
    const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
    const task = (levels: number) => file(echo("a", `params: { v: ${nested(levels)} }`));
    // The workflow, its tasks, the task and its params are four.
    expect(problemsOf(task(60))).toEqual([]);
    expect(problemOf(task(61))).toMatchObject({ code: "too_deep", line: 3 });
  });

  it("may be 1 MiB, counted in bytes, and not one more", () => {
    const room = 1024 * 1024 - "a: ".length;
    expect(readText(`a: ${"x".repeat(room)}`).problems).toEqual([]);
    expect(readText(`a: ${"x".repeat(room + 1)}`).problems).toMatchObject([{ code: "too_large" }]);
    expect(readText(`a: ${"ä".repeat(room / 2 + 1)}`).problems).toMatchObject([{ code: "too_large" }]);
  });
});

describe("text that is no YAML", () => {
  it.each([
    ["a: [1, 2", "yaml_syntax", 1, 9],
    ["a: 1\nb: 'x", "yaml_syntax", 2, 6],
    ["a: b\nc", "yaml_syntax", 2, 1],
    ["a:\n\t- 1", "yaml_syntax", 2, 1],
    ["a: 1\nb: 2\na: 3", "duplicate_key", 3, 1],
    ["a: { x: 1, x: 2 }", "duplicate_key", 1, 12],
    ['{"a": 1, "a": 2}', "duplicate_key", 1, 10],
    ["a: *nobody", "yaml_syntax", 1, 4],
    ["a: &a [*a]", "yaml_syntax", 1, 8],
    ["a: .nan", "yaml_syntax", 1, 4],
    ["a: -.inf", "yaml_syntax", 1, 4],
    ["a:\n  [x]: 1", "yaml_syntax", 2, 3],
    ["a: { <<: 1 }", "yaml_syntax", 1, 10],
    ["a: 1\n---\nb: 2", "yaml_syntax", 2, 1],
  ])("%j is reported where it stops being so", (text, code, line, column) => {
    const [problem, ...more] = readText(text).problems;
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ severity: "error", code, line, column });
  });

  it("with a placeholder of another language for a value is told to quote it", () => {
    expect(readText("a: {{ x }}").problems).toMatchObject([
      { line: 1, column: 5, message: expect.stringContaining("quote it") },
    ]);
  });

  it("names what is wrong", () => {
    expect(readText("a: 1\na: 2").problems[0]?.message).toBe('key "a" is there twice');
    expect(readText("a: 1\n---\nb: 2").problems[0]?.message).toContain("second document");
  });

  it("is a warning where only a tag is not known", () => {
    expect(readText("a: !secret x")).toMatchObject({
      value: { a: "x" },
      problems: [{ severity: "warning", line: 1, column: 4 }],
    });
  });

  it.each(["", "# nothing\n", "---\n", "null"])("%j is read as nothing", (text) => {
    expect(readText(text)).toEqual({ value: null, problems: [] });
  });
});

describe("the line and column of a place", () => {
  const text =
    "a: 1\nb:\n  - x: one\n    y:\n  - &t { z: two }\nc: *t\nd: { <<: *t }\nlong: |\n  first\n  second word\n";
  const source = readYaml(text, collectFindings());
  const at = (...place: (string | number)[]) =>
    source?.locate({ code: "invalid_value", at: place, message: "" });
  const key = (...place: (string | number)[]) =>
    source?.locate({ code: "unknown_key", at: place, message: "", near: "key" });

  it("are those of a value on one line", () => {
    expect(at("a")).toEqual({ line: 1, column: 4 });
    expect(at("b", 0, "x")).toEqual({ line: 3, column: 8 });
  });

  it("are those of the key of a list, of an object, of nothing, and where the key is meant", () => {
    expect(at("b")).toEqual({ line: 2, column: 1 });
    expect(at("b", 0, "y")).toEqual({ line: 4, column: 5 });
    expect(key("b", 0, "x")).toEqual({ line: 3, column: 5 });
  });

  it("lead through aliases and merge keys", () => {
    expect(at("c", "z")).toEqual({ line: 5, column: 13 });
    expect(at("d", "z")).toEqual({ line: 5, column: 13 });
  });

  it("are those around what is not there", () => {
    expect(at("b", 0, "nothing", "here")).toEqual({ line: 3, column: 5 });
    expect(at("nothing")).toEqual({ line: 1, column: 1 });
    expect(at("nothing", "here")).toBeUndefined();
  });

  it("are those of a piece of a text of several lines", () => {
    const near = { text: "word" };
    expect(source?.locate({ code: "unknown_reference", at: ["long"], message: "", near })).toEqual({
      line: 10,
      column: 10,
    });
  });
});
