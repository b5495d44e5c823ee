import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { ROOT, runProgram, temporaryFolder } from "../e2e/process.ts";

it("quotes each problem's line with a caret under the place, all problems at once, and exits with 2", async () => {
  const { code, stdout, stderr } = await check(`name: Two mistakes
tasks:
  - id: a
    method: echo/echo
    dependancies: [b]
  - id: b
    method: python/execute
    depends_on: [a1]
    params: { file: missing.py }
`);
  expect(
    stderr,
  ).toBe(`w.yaml:5:5 warning task "a": unknown key "dependancies" is ignored; did you mean "dependencies"?
    5 |     dependancies: [b]
      |     ^
w.yaml:8:18 error task "b": depends on unknown task "a1"; did you mean "a"?
    8 |     depends_on: [a1]
      |                  ^
w.yaml:9:21 error task "b": file "missing.py" does not exist
    9 |     params: { file: missing.py }
      |                     ^
`);
  expect([code, stdout]).toEqual([2, ""]);
});

it("places the caret where a terminal shows the column: behind tabs and wide characters", async () => {
  const { stderr } = await check('{"name":\t"猫", "tasks": [{"id": "a", "method": "echo/ehco"}]}');
  const [, line = "", caret = ""] = stderr.split("\n");
  // The cat takes two columns, and the tab is shown as two.
  expect(caret.indexOf("^")).toBe(line.indexOf('"echo/ehco"') + 1);
});

it("points at the mistake in text that is no YAML", async () => {
  const { code, stderr } = await check("name: x\ntasks: [\n");
  expect(stderr).toMatch(/^w\.yaml:\d+:\d+ error YAML: /);
  expect(code).toBe(2);
});

it("says that all is well, under its other name too, and exits with 0", async () => {
  const text = "name: Fine\ntasks: [{ id: a, method: echo/echo }]";
  for (const command of ["check", "validate"]) {
    const { code, stdout, stderr } = await check(text, command);
    expect([code, stdout, stderr]).toEqual([0, 'w.yaml: "Fine" is fine: 1 task\n', ""]);
  }
});

it("takes paths from where npm was called, not from where npm runs scripts", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "w.yaml"), "name: Fine\ntasks: [{ id: a, method: echo/echo }]");
  const env = { npm_package_json: join(ROOT, "package.json"), INIT_CWD: folder };
  const { code } = await runProgram("src/cli/main.ts", ["check", "w.yaml"], { cwd: ROOT.slice(0, -1), env });
  expect(code).toBe(0);
});

async function check(text: string, command = "check") {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "w.yaml"), text);
  return await runProgram("src/cli/main.ts", [command, "w.yaml"], { cwd: folder });
}
