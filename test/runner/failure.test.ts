import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Runner, startRunner } from "../../src/runner/runner.ts";
import { execute } from "./calling.ts";
import { describeInEach } from "./sandboxes.ts";

describeInEach((sandbox) => {
  let runner: Runner;
  beforeAll(async () => {
    runner = await startRunner({ port: 0, sandbox });
  });
  afterAll(() => runner.close());

  describe("a script that fails", () => {
    it("gives its traceback with its own file name, lines and source, none of the runner's", async () => {
      const code = 'print("before")\ndef divide():\n    return 1 / 0\ndivide()';
      const done = await execute(runner, code, { name: "sums/divide.py" });
      expect(done).toMatchObject({ success: false, result: null, output: "before\n" });
      const lines = (done.error ?? "").split("\n").filter((line) => !/^[\s~^]+$/.test(line));
      expect(lines).toEqual([
        "Traceback (most recent call last):",
        '  File "sums/divide.py", line 4, in <module>',
        "    divide()",
        '  File "sums/divide.py", line 3, in divide',
        "    return 1 / 0",
        "ZeroDivisionError: division by zero",
      ]);
    });

    it("is script.py in tracebacks where it has no name", async () => {
      expect((await execute(runner, "raise ValueError('x')")).error).toContain('File "script.py", line 1');
    });

    it("by its syntax gives the line, and no frame of the runner", async () => {
      const { error } = await execute(runner, "a = 1\nif a\n  pass", { name: "broken.py" });
      expect(error).toMatch(/^ {2}File "broken.py", line 2\n/);
      expect(error).toContain("SyntaxError");
      expect(error).not.toContain("<string>");
    });

    it("names the file and line of a module it brought", async () => {
      const { error } = await execute(runner, "import part", { files: { "part.py": "\nboom()" } });
      expect(error).toMatch(/part\.py", line 2/);
    });

    it("with a message too long to read has its middle cut out", async () => {
      const { error } = await execute(runner, 'raise ValueError("é" * 500_000)');
      expect(error).toContain("characters cut here");
      expect(error?.length).toBeLessThan(70_000);
    });

    it("by recursing without end says so", async () => {
      expect((await execute(runner, "def f(): f()\nf()")).error).toContain("RecursionError");
    });

    it.each(["os._exit(0)", "os.kill(os.getpid(), 11)", "os.closerange(3, 1000)"])(
      "to report, here by %s, is told what may be wrong",
      async (end) => {
        const done = await execute(runner, `import os\nprint("so far")\n${end}`, { name: "odd.py" });
        expect(done).toMatchObject({ success: false, output: expect.stringContaining("so far\n") });
        expect(done.error).toMatch(/^odd\.py ended its process without a result \((exit code \d+|SIGSEGV)\)/);
      },
    );
  });

  describe("sys.exit", () => {
    it.each(["", "0", "None"])("(%s) is a success that keeps the result", async (argument) => {
      const done = await execute(runner, `import sys\nresult = 7\nsys.exit(${argument})`);
      expect(done).toMatchObject({ success: true, result: 7, error: null });
    });

    it.each(["3", "'no data'"])("(%s) is a failure that says its reason", async (argument) => {
      const done = await execute(runner, `import sys\nsys.exit(${argument})`);
      expect(done).toMatchObject({ success: false, result: null });
      expect(done.error).toContain(`SystemExit: ${argument.replaceAll("'", "")}`);
    });

    it("in a forked child, or a child that runs to the end, is not the script's end", async () => {
      const code = `
import os, sys
child = os.fork()
result = "child" if child == 0 else "parent"
if child: os.waitpid(child, 0)
elif context["exits"]: sys.exit(3)`;
      for (const exits of [true, false]) {
        expect((await execute(runner, code, { context: { exits } })).result).toBe("parent");
      }
    });
  });

  describe("a result without a form in JSON", () => {
    it.each([
      ["{1}", "result is of type set, which JSON has no form for; make it a str, number, list or dict"],
      ["{'a': [1, ({'b': b'x'},)]}", "result['a'][1][0]['b'] is of type bytes"],
      ["[float('nan')]", "result[0] is nan, which JSON has no form for; use None or a string"],
      ["{'x': float('-inf')}", "result['x'] is -inf"],
      ["{(1, 2): 3}", "result has the key (1, 2) of type tuple; JSON keys are strings"],
      ["[10 ** 400]", "result[0] is too large for a JSON number; use str() on it"],
      ["__import__('datetime').date(2020, 1, 1)", "result is of type datetime.date"],
      ["[].append", "result is of type builtin_function_or_method"],
    ])("%s is refused with its path", async (value, message) => {
      const done = await execute(runner, `result = ${value}`);
      expect(done).toMatchObject({ success: false, result: null });
      expect(done.error).toContain(message);
    });

    it("such as a list that contains itself is refused", async () => {
      const { error } = await execute(runner, "result = []\nresult.append(result)");
      expect(error).toContain("is nested too deeply, or contains itself");
    });
  });
});
