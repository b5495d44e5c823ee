// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references look like this.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { jsonObject } from "../../src/contract/json.ts";
import { runView } from "../../src/contract/run.ts";
import {
  exitOf,
  type RunOptions,
  runProgram,
  startProgram,
  temporaryFolder,
  untilPrinted,
} from "../e2e/process.ts";
import { serviceForFile } from "../e2e/service.ts";

const { url } = await serviceForFile();

const ADD = `
name: Sum
inputs:
  a: { type: number }
  what: { type: string, default: sum }
tasks:
  - { id: add, method: mcp/tool.add, params: { a: "\${inputs.a}", b: 40 } }
  - { id: say, method: mcp/tool.concat, params: { strings: ["the", "\${inputs.what}", "is", "\${add.result}"] } }
`;

const FAILING = `
name: Failing
tasks:
  - id: bad
    method: python/execute
    params: { code: "raise ValueError('broken on purpose')" }
  - { id: after, method: echo/echo, params: { message: "\${bad.result}" } }
`;

describe("a run that completes", () => {
  it("exits with 0, its results on standard output and its progress on standard error, without escape codes", async () => {
    const { code, stdout, stderr } = await run({ "sum.yaml": ADD }, ["sum.yaml", "--input", "a=2"]);
    expect(stderr.trim().split("\n").sort()).toEqual([
      "▸ add running",
      "▸ say running",
      expect.stringMatching(/^✓ add completed \d+ ms$/),
      expect.stringMatching(/^✓ say completed \d+ ms$/),
    ]);
    expect(stdout).toMatch(
      /^add\n {2}42\nsay\n {2}the sum is 42\nrun run_\w+ completed in .*, 2 of 2 tasks completed\n$/,
    );
    expect(stdout + stderr).not.toContain("\u001b");
    expect(code).toBe(0);
  });

  it("prints with --json the run with its results, and nothing else", async () => {
    const { code, stdout } = await run({ "sum.yaml": ADD }, [
      "sum.yaml",
      "-i",
      "a=2",
      "-i",
      "what=number 5",
      "--json",
    ]);
    const parsed = runView.extend({ results: z.record(z.string(), jsonObject) }).parse(JSON.parse(stdout));
    expect(parsed.status).toBe("completed");
    expect(parsed.results["say"]?.["response"]).toBe("the number 5 is 42");
    expect(code).toBe(0);
  });

  it("reads standard input, JSON as well as YAML", async () => {
    const workflow = JSON.stringify({
      name: "j",
      tasks: [{ id: "e", method: "echo/echo", params: { message: "hi" } }],
    });
    const { code, stdout } = await run({}, ["-"], { stdin: workflow });
    expect([code, stdout]).toEqual([0, expect.stringContaining("e\n  hi\n")]);
  });
});

describe("a run that fails", () => {
  it("exits with 1 and says which task failed, where, and what was skipped", async () => {
    const { code, stdout, stderr } = await run({ "f.yaml": FAILING }, ["f.yaml"]);
    expect(stdout).toMatch(/^bad failed\n {2}script_failed: .*ValueError: broken on purpose/);
    expect(stdout).toContain('File "script.py", line 1');
    expect(stdout).toContain("after skipped: bad did not complete");
    expect(stdout).toMatch(/run run_\w+ failed in .*, 0 of 2 tasks completed/);
    expect(stderr).toMatch(/what failed, once more: curl -X POST http.*\/retry/);
    expect(code).toBe(1);
  });

  it("exits with 1 with --json too, the failure in it", async () => {
    const { code, stdout } = await run({ "f.yaml": FAILING }, ["f.yaml", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({
      status: "failed",
      results: {},
      error: { code: "task_failed" },
    });
    expect(code).toBe(1);
  });
});

describe("files that a workflow names", () => {
  const workflow = (file: string) =>
    `name: files\ntasks:\n  - { id: s, method: python/execute, params: { file: "${file}" } }\n`;

  it("are looked up from the current folder, then from the workflow's", async () => {
    const script = (text: string) => `result = "${text}"\n`;
    const files = {
      "flows/w.yaml": workflow("s.py"),
      "flows/s.py": script("beside the workflow"),
    };
    expect((await run(files, ["flows/w.yaml"])).stdout).toContain("beside the workflow");
    const both = { ...files, "s.py": script("in the current folder") };
    expect((await run(both, ["flows/w.yaml"])).stdout).toContain("in the current folder");
  });

  it("are refused outside of both, behind links too, unless --allow-outside is given", async () => {
    const outside = temporaryFolder();
    writeFileSync(join(outside, "s.py"), "result = 'from outside'\n");
    const named = { "w.yaml": workflow(join(outside, "s.py")) };
    const refused = await run(named, ["w.yaml"]);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/s\.py" lies outside .*--allow-outside/),
    ]);

    const folder = folderWith({ "w.yaml": workflow("link.py") });
    symlinkSync(join(outside, "s.py"), join(folder, "link.py"));
    expect((await cli(["run", "w.yaml"], { cwd: folder })).code).toBe(2);
    const allowed = await cli(["run", "w.yaml", "--allow-outside"], { cwd: folder });
    expect([allowed.code, allowed.stdout]).toEqual([0, expect.stringContaining("from outside")]);
  });

  it("become a task each in a batch, whatever lies in folders below", async () => {
    const batch = `
name: batch
batch: { directory: texts, pattern: "**/*.txt" }
template: { method: python/execute, code: "result = open(context['file_path']).read()" }
`;
    const files = {
      "b.yaml": batch,
      "texts/a.txt": "first",
      "texts/deep/b.txt": "second",
      "texts/c.md": "third",
    };
    const { code, stdout } = await run(files, ["b.yaml"]);
    expect(stdout).toMatch(/process-a-txt-0\n {2}first\nprocess-b-txt-1\n {2}second\n/);
    expect(code).toBe(0);
  });
});

describe("what cannot run", () => {
  it.each([
    ["a file that is not there", ["nothing.yaml"], /nothing\.yaml: there is no such file/],
    ["a folder", ["."], /it is a folder/],
    ["an unknown option", ["sum.yaml", "--jsno"], /unknown option '--jsno'[\s\S]*--json/],
    ["no file", [], /missing required argument 'file'/],
    ["an input that is missing", ["sum.yaml"], /input "a" is missing/],
    [
      "an input that is not declared",
      ["sum.yaml", "-i", "a=1", "-i", "waht=x"],
      /"waht".*did you mean "what"/,
    ],
    ["an input of another type", ["sum.yaml", "-i", "a=two"], /input "a" must be/],
    ["an input without a value", ["sum.yaml", "-i", "a"], /--input a: write it as name=value/],
  ])("exits with 2: %s", async (_, parameters, message) => {
    const { code, stdout, stderr } = await run({ "sum.yaml": ADD }, parameters);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, ""]);
  });

  it("exits with 3 where no service answers, and says how to start one", async () => {
    const options = { env: { GLEITZEIT_URL: "http://127.0.0.1:1" } };
    const { code, stderr } = await run({ "sum.yaml": ADD }, ["sum.yaml", "-i", "a=1"], options);
    expect(stderr).toMatch(/no service answers at http:\/\/127\.0\.0\.1:1; start one with: npm start\n$/);
    expect(code).toBe(3);
  });
});

it("leaves the run going on Ctrl-C, says how to look and how to cancel, and exits with 130", async () => {
  const sleep =
    "name: s\ntasks: [{ id: z, method: python/execute, params: { code: 'import time; time.sleep(30)' } }]";
  const folder = folderWith({ "s.yaml": sleep });
  const child = startProgram("src/cli/main.ts", ["run", "s.yaml"], {
    cwd: folder,
    env: { GLEITZEIT_URL: url },
  });
  await untilPrinted(child.stderr, /z running/);
  child.kill("SIGINT");
  const cancel = await untilPrinted(child.stderr, /cancel: curl -X POST http\S+/);
  await exitOf(child);
  expect(child.exitCode).toBe(130);
  const address = cancel.slice(cancel.indexOf("http"));
  expect(await (await fetch(address.replace(/\/cancel$/, ""))).json()).toMatchObject({ status: "running" });
  expect(await (await fetch(address, { method: "POST" })).json()).toMatchObject({ status: "cancelled" });
});

/** `gleitzeit run` in a folder with these files. */
async function run(files: Record<string, string>, parameters: string[], options: RunOptions = {}) {
  return await cli(["run", ...parameters], { cwd: folderWith(files), ...options });
}

function cli(parameters: string[], options: RunOptions) {
  return runProgram("src/cli/main.ts", parameters, {
    ...options,
    env: { GLEITZEIT_URL: url, ...options.env },
  });
}

function folderWith(files: Record<string, string>): string {
  const folder = temporaryFolder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}
