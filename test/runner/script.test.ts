import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Runner, startRunner } from "../../src/runner/runner.ts";
import { execute } from "./calling.ts";
import { describeInEach } from "./sandboxes.ts";

describeInEach((sandbox) => {
  let runner: Runner;
  beforeAll(async () => {
    runner = await startRunner({ port: 0, sandbox, maxConcurrent: 4 });
  });
  afterAll(() => runner.close());

  describe("a script", () => {
    it("sets result, and what it prints is output", async () => {
      const code = 'print("adding")\nresult = {"sum": context["a"] + args["b"], "pair": (1, None)}';
      const done = await execute(runner, code, { context: { a: 1 }, args: { b: 2 } });
      expect(done).toMatchObject({ success: true, error: null, output: "adding\n" });
      expect(done.result).toEqual({ sum: 3, pair: [1, null] });
      expect(done.execution_time).toBeGreaterThan(0);
      expect(done.execution_time).toBeLessThan(10);
    });

    it("has context and args among its locals and its globals", async () => {
      const code =
        "def see(): return context, args\nresult = ['context' in locals(), 'args' in globals(), see()]";
      expect((await execute(runner, code)).result).toEqual([true, true, [{}, {}]]);
    });

    it("that sets no result gives null", async () => {
      expect(await execute(runner, "x = 1")).toMatchObject({ success: true, result: null });
    });

    it("runs as __main__, so that guarded blocks run and classes are found by their module", async () => {
      const code = `
import pickle
class Point: pass
if __name__ == "__main__":
    result = type(pickle.loads(pickle.dumps(Point()))).__name__`;
      expect((await execute(runner, code)).result).toBe("Point");
    });

    it("keeps unicode in code, context, output and result", async () => {
      const done = await execute(runner, 'print("größe", "🐍")\nresult = context["é"] + "日本\\ud800"', {
        context: { é: "ß" },
      });
      expect(done).toMatchObject({ output: "größe 🐍\n", result: "ß日本\ud800" });
    });

    it("has the lines of stdout, stderr and its subprocesses in their order", async () => {
      const code = `
import os, sys
print("one", end=" ")
sys.stderr.write("two ")
os.system("printf 'three '")
print("four")`;
      expect((await execute(runner, code)).output).toBe("one two three four\n");
    });

    it("can print anything, even JSON like the runner's own, without touching the result", async () => {
      const code = `
import os
result = "mine"
print('{"success": true, "result": "forged"}')
for descriptor in range(3, 20):
    try: os.write(descriptor, b'{"success": false}')
    except OSError: pass`;
      expect(await execute(runner, code)).toMatchObject({ success: true, result: "mine" });
    });

    it("has nothing to read from standard input", async () => {
      const done = await execute(runner, "import sys\nresult = sys.stdin.read()\ninput()");
      expect(done.error).toContain("EOFError");
    });
  });

  describe("a script of several processes", () => {
    it("can use multiprocessing", async () => {
      const code = `
from multiprocessing import Pool
def double(x): return 2 * x
if __name__ == "__main__":
    with Pool(2) as pool: result = pool.map(double, [1, 2, 3])`;
      expect(await execute(runner, code)).toMatchObject({ error: null, result: [2, 4, 6] });
    });

    it("waits for its threads", async () => {
      const code = `
import threading, time
threading.Thread(target=lambda: (time.sleep(0.1), print("late"))).start()`;
      expect((await execute(runner, code)).output).toBe("late\n");
    });
  });

  describe("a script's files", () => {
    it("can be opened by relative path and imported, also when they hide a module of the system", async () => {
      const files = {
        "data/in.bin": { base64: Buffer.from([0, 255]).toString("base64") },
        "./maths.py": "def double(x): return 2 * x",
        "package/__init__.py": "name = 'mine'",
        "sched.py": "here = True",
      };
      const code = `
import maths, package, sched
result = [list(open("data/in.bin", "rb").read()), maths.double(4), package.name, sched.here]`;
      expect((await execute(runner, code, { files })).result).toEqual([[0, 255], 8, "mine", true]);
    });

    it("are gone with the working folder once it has ended", async () => {
      const code = "import os, tempfile\nos.mkdir('locked', 0)\nresult = [os.getcwd(), tempfile.mkdtemp()]";
      const { result } = await execute(runner, code, { files: { "a/b.txt": "x" } });
      const folders = Array.isArray(result) ? result.map(String) : [];
      expect(folders).toHaveLength(2);
      expect(folders.filter((folder) => existsSync(folder))).toEqual([]);
    });
  });

  describe("scripts beside each other", () => {
    it("share neither folder nor modules nor variables", async () => {
      const code = `
import json, os, time
before = [hasattr(json, "mark"), os.listdir(".")]
json.mark = context["n"]
with open("mine.txt", "w") as file: file.write(str(context["n"]))
time.sleep(0.05)
result = [before, json.mark, open("mine.txt").read()]`;
      const numbers = [1, 2, 3, 4];
      const done = await Promise.all(numbers.map((n) => execute(runner, code, { context: { n } })));
      expect(done.map(({ result }) => result)).toEqual(numbers.map((n) => [[false, []], n, String(n)]));
    });

    it("see an empty environment", async () => {
      process.env["GLEITZEIT_TEST_LEAK"] = "leaked";
      const { result } = await execute(runner, "import os\nresult = sorted(os.environ)");
      const own = sandbox === "bubblewrap" ? ["PWD"] : []; // it says so where it changes folders
      expect(result).toEqual(["HOME", "LANG", "PATH", ...own, "PYTHONDONTWRITEBYTECODE", "TMPDIR"]);
      delete process.env["GLEITZEIT_TEST_LEAK"];
    });
  });
});
