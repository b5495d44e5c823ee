// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references look like this.
import { describe, expect, it } from "vitest";
import { slugOf } from "../../src/spec/task-ids.ts";
import { findTask } from "../../src/spec/task-names.ts";
import { check, echo, file, findingsOf, problemOf, tasksOf, workflowOf } from "./checking.ts";

const named = (name: string, rest = ""): string => `  - { name: "${name}", method: echo/echo${rest} }\n`;
const idsOf = (tasks: string): string[] => tasksOf(tasks).map(({ id }) => id);

describe("the id of a task", () => {
  it("is the one it gives", () => {
    expect(idsOf(echo("write-outline") + echo("_x9"))).toEqual(["write-outline", "_x9"]);
  });

  it("is a slug of its name when it gives none", () => {
    expect(idsOf(named("Write outline") + named("  Größe & Maß! "))).toEqual([
      "write-outline",
      "grosse-mass",
    ]);
  });

  it("is its name where that is an id already", () => {
    expect(idsOf(named("Write_Outline"))).toEqual(["Write_Outline"]);
  });

  it("is task-<n> without a name, and where nothing of the name can stay", () => {
    expect(idsOf(`  - { method: echo/echo }\n${named("日本")}`)).toEqual(["task-1", "task-2"]);
  });

  it("gets -2, -3 where a slug is taken, by another slug or an id that is given later", () => {
    expect(idsOf(named("a b") + named("A b") + named("a  b") + echo("a-b-2"))).toEqual([
      "a-b",
      "a-b-3",
      "a-b-4",
      "a-b-2",
    ]);
  });

  it("is never made a reserved one", () => {
    expect(idsOf(named("inputs") + named("run"))).toEqual(["inputs-2", "run-2"]);
  });

  it("may not be given twice", () => {
    expect(problemOf(file(echo("a") + echo("b") + echo("a")))).toMatchObject({
      code: "duplicate_id",
      path: "tasks[2].id",
      line: 5,
      message: 'task id "a" is there twice: tasks 1 and 3 have it',
    });
  });

  it.each(["inputs", "run"])("may not be %s, which references mean something else by", (id) => {
    expect(problemOf(file(echo(id)))).toMatchObject({ severity: "error", code: "reserved_id" });
  });

  it("keeps within its length, however long the name", () => {
    const long = "word ".repeat(39);
    const ids = idsOf(named(long) + named(long));
    expect(ids.map((id) => id.length <= 100)).toEqual([true, true]);
    expect(new Set(ids).size).toBe(2);
  });
});

describe("an odd id of an old file", () => {
  const text = file(
    '  - { id: "1st step!", name: Start, method: echo/echo }\n' +
      echo("b", 'depends_on: "1st step!", params: { m: "${1st step!.response}" }'),
  );

  it("is a warning that names the id it becomes", () => {
    expect(problemOf(text)).toMatchObject({
      severity: "warning",
      code: "odd_id",
      path: "tasks[0].id",
      line: 3,
      suggestion: 'it is now "task-1st-step"',
    });
  });

  it("goes on working in dependencies and references", () => {
    expect(workflowOf(text).tasks[1]?.dependencies).toEqual(["task-1st-step"]);
    expect(findTask(workflowOf(text))("1st step!")).toBe("task-1st-step");
  });

  it("is one that is too long as well", () => {
    expect(findingsOf(file(echo("x".repeat(101))))).toEqual(["warning odd_id tasks[0].id"]);
  });
});

describe("a name", () => {
  it("may be used for its task in dependencies and references", () => {
    const [, second, third] = tasksOf(
      named("Step one") +
        echo("b", 'dependencies: ["Step one"]') +
        echo("c", 'params: { m: "${Step one.x}" }'),
    );
    expect([second?.dependencies, third?.dependencies]).toEqual([["step-one"], ["step-one"]]);
  });

  it("that several tasks have is no error while nothing refers to it", () => {
    expect(check(file(named("same") + named("same"))).problems).toEqual([]);
  });

  it("that several tasks have is an error where it is referred to", () => {
    const text = file(named("same") + named("same") + echo("c", "dependencies: [same]"));
    expect(problemOf(text)).toMatchObject({
      code: "ambiguous_name",
      path: "tasks[2].dependencies[0]",
      message: 'task "c": "same" is the name of 2 tasks: use an id ("same", "same-2")',
    });
  });

  it("gives way to an id", () => {
    const tasks = tasksOf(named("b") + echo("c", "name: a") + echo("a") + echo("d", "dependencies: [a]"));
    expect(tasks[3]?.dependencies).toEqual(["a"]);
  });

  it("is found in a checked workflow, and what is neither name nor id is not", () => {
    const find = findTask(workflowOf(file(named("Step one") + echo("b"))));
    expect([find("Step one"), find("step-one"), find("b"), find("x"), find("constructor")]).toEqual([
      "step-one",
      "step-one",
      "b",
      undefined,
      undefined,
    ]);
  });
});

describe("slugOf", () => {
  it.each([
    ["Résumé schreiben", "resume-schreiben"],
    ["a.b/c[1]", "a-b-c-1"],
    ["--x--", "x"],
    ["42", "task-42"],
    ["", ""],
  ])("%j becomes %j", (name, slug) => {
    expect(slugOf(name)).toBe(slug);
  });
});
