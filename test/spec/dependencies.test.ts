// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references look like this.
import { describe, expect, it } from "vitest";
import { echo, file, problemOf, problemsOf, tasksOf, workflowOf } from "./checking.ts";

const script = (params: string): string => `  - { id: s, method: python/execute, params: ${params} }\n`;

describe("dependencies", () => {
  it("are those stated, then those referred to, each once", () => {
    const refers = 'dependencies: [b, b], params: { one: "${c} and ${a.x}", two: ["${b.y}", "${a}"] }';
    expect(tasksOf(echo("a") + echo("b") + echo("c") + echo("d", refers))[3]?.dependencies).toEqual([
      "b",
      "c",
      "a",
    ]);
  });

  it("may stand before the task they name", () => {
    expect(tasksOf(echo("b", "dependencies: [a]") + echo("a"))[0]?.dependencies).toEqual(["a"]);
  });

  it("on a task that is not there are an error with the nearest name", () => {
    expect(problemOf(file(echo("a") + echo("b", "dependencies: [a, a1]")))).toEqual({
      severity: "error",
      code: "unknown_dependency",
      path: "tasks[1].dependencies[1]",
      line: 4,
      column: 51,
      message: 'task "b": depends on unknown task "a1"',
      suggestion: 'did you mean "a"?',
    });
  });

  it("on the task itself are an error", () => {
    expect(problemOf(file(echo("a", "dependencies: [a]")))).toMatchObject({
      code: "self_dependency",
      message: 'task "a": depends on itself',
    });
    expect(problemOf(file(echo("a", 'params: { m: "${a.x}" }')))).toMatchObject({
      code: "self_dependency",
      message: 'task "a": ${a.x} refers to the task itself',
    });
  });

  it("in a circle are an error that spells it out", () => {
    const text = file(
      echo("a", "dependencies: [c]") + echo("b", "dependencies: [a]") + echo("c", 'params: { m: "${b}" }'),
    );
    expect(problemOf(text)).toMatchObject({
      code: "cycle",
      path: "tasks[0].dependencies",
      line: 3,
      message: "tasks depend on each other in a circle: a → c → b → a",
    });
  });

  it("in several circles are an error for each", () => {
    const pair = (one: string, other: string) =>
      echo(one, `dependencies: ${other}`) + echo(other, `dependencies: ${one}`);
    expect(
      problemsOf(file(pair("a", "b") + pair("c", "d"))).map(({ message }) => message.split(": ")[1]),
    ).toEqual(["a → b → a", "c → d → c"]);
  });

  it("may be 100,000 in all, and not one more", () => {
    const ids = Array.from({ length: 317 }, (_, index) => `s${index}`);
    const sources = ids.map((id) => ({ id, method: "echo/echo" }));
    // 317 tasks on 316 others make 100,172.
    const sinks = ids.map((id) => ({ id: `t${id}`, method: "echo/echo", dependencies: ids.slice(1) }));
    expect(problemsOf({ value: { name: "x", tasks: [...sources, ...sinks.slice(0, 316)] } })).toEqual([]);
    expect(problemOf({ value: { name: "x", tasks: [...sources, ...sinks] } })).toMatchObject({
      code: "too_large",
      path: "tasks[633]",
    });
  });
});

describe("references", () => {
  it("stay as they are written", () => {
    const tasks = tasksOf(
      `  - { name: Step one, method: echo/echo }\n${echo("b", 'params: { m: "${Step one.x}" }')}`,
    );
    expect(tasks[1]?.params).toEqual({ m: "${Step one.x}" });
  });

  it("to a task that is not there are an error where they stand, with the nearest name", () => {
    const text = file(
      "  - id: outline\n    method: echo/echo\n  - method: echo/echo\n    id: b\n    params:\n      text: |\n        See\n        this: ${outlin.x}",
    );
    expect(problemOf(text)).toEqual({
      severity: "error",
      code: "unknown_reference",
      path: "tasks[1].params.text",
      line: 10,
      column: 15,
      message: 'task "b": ${outlin.x} refers to unknown task "outlin"; a literal ${ is written $${',
      suggestion: 'did you mean "outline"?',
    });
  });

  it("are reported once for each text, however often it stands there", () => {
    expect(problemsOf(file(echo("a", 'params: { m: "${x}, ${x}", n: "${x}", o: "${y}" }')))).toHaveLength(2);
  });

  it("that are escaped are none", () => {
    expect(problemsOf(file(echo("a", 'params: { m: "$${x}" }')))).toEqual([]);
  });

  it("in keys are none", () => {
    expect(problemsOf(file(echo("a", 'params: { "${x}": 1 }')))).toEqual([]);
  });

  it.each(["${", "${}", "${a.}", "${a[x]}", "${ }"])("must be well formed: %s", (reference) => {
    expect(problemOf(file(echo("a") + echo("b", `params: { m: '${reference}' }`)))).toMatchObject({
      severity: "error",
      code: "malformed_reference",
      path: "tasks[1].params.m",
      line: 4,
    });
  });

  it("may be to declared inputs", () => {
    const text = (reference: string) =>
      `inputs: { topic: x }\n${file(echo("a", `params: { m: "${reference}" }`))}`;
    expect(problemsOf(text("${inputs.topic} ${inputs}"))).toEqual([]);
    expect(problemOf(text("${inputs.topik}"))).toMatchObject({
      code: "unknown_reference",
      message: 'task "a": ${inputs.topik}: no input "topik" is declared; there are topic',
      suggestion: 'did you mean "topic"?',
    });
  });

  it("may be to the run's id, name and startedAt", () => {
    const text = (key: string) => file(echo("a", `params: { m: "\${run.${key}}" }`));
    expect(["id", "name", "startedAt"].flatMap((key) => problemsOf(text(key)))).toEqual([]);
    expect(problemOf(text("started")).message).toBe(
      'task "a": ${run.started}: a run has no "started"; there are id, name, startedAt',
    );
  });

  it("inside python code are a warning", () => {
    const text = file(echo("a") + script('{ code: "x = ${a.n}", context: { n: "${a.n}" } }'));
    expect(problemOf(text)).toMatchObject({
      severity: "warning",
      code: "reference_in_code",
      path: "tasks[1].params.code",
    });
    expect(workflowOf(text).tasks[1]?.dependencies).toEqual(["a"]);
  });

  it("in outputs must lead to tasks, inputs or the run", () => {
    const text = (value: string) => `${file(echo("a")).trimEnd()}\noutputs: { o: ["${value}"] }\n`;
    expect(problemsOf(text("${a.x} ${run.id}"))).toEqual([]);
    expect(problemOf(text("${b}"))).toMatchObject({
      code: "unknown_reference",
      path: "outputs.o[0]",
      line: 4,
    });
    expect(problemOf(text("${b")).code).toBe("malformed_reference");
  });

  it("in outputs may be to a task by name, but not by a name that several have", () => {
    const text =
      'tasks: [{ name: s, method: echo/echo }, { name: s, method: echo/echo }]\nname: x\noutputs: { o: "${s}" }';
    expect(problemOf(text).code).toBe("ambiguous_name");
  });
});
