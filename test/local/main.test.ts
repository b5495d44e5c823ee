import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, it } from "vitest";
import { exitOf, ROOT, runProgram, startProgram, temporaryFolder, untilPrinted } from "../e2e/process.ts";

const MAIN = "src/local/main.ts";

it("prints one line with its URL once it is healthy, and stops with all it started, exit code 0", async () => {
  const child = startProgram(MAIN, ["--port", "0", "--state", temporaryFolder()], {});
  const url = await untilPrinted(child.stdout, /http:\S+/);
  expect((await fetch(`${url}/health`)).status).toBe(200);
  child.kill("SIGINT");
  await exitOf(child);
  expect(child.exitCode).toBe(0);
  await expect(fetch(`${url}/health`)).rejects.toThrow();
  // No workerd, no script.
  await expect.poll(() => membersOf(child.pid ?? 0)).toEqual([]);
});

it("takes a state folder that a killed service left, and tells the next one who has it", async () => {
  const state = temporaryFolder();
  // Its process id is another's by now, which started at another time.
  writeFileSync(join(state, "service.lock"), JSON.stringify({ pid: process.pid, startedAt: "1" }));
  const first = startProgram(MAIN, ["--port", "0", "--state", state, "--no-python"], {});
  await untilPrinted(first.stdout, /http:\S+/);
  const second = await runProgram(MAIN, ["--port", "0", "--state", state]);
  expect(second.stderr).toBe(
    `${state} is in use by the service with process id ${first.pid}: stop that one, or give this one a folder of its own with --state\n`,
  );
  expect(second.code).toBe(1);
});

it("says what to do about a taken port, and leaves nothing running", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const finished = await runProgram(MAIN, ["--port", String(port), "--state", temporaryFolder()]);
  server.close();
  expect(finished.stderr).toBe(
    `port ${port} is taken: use --port 0 for a free one, or stop what listens there\n`,
  );
  expect(finished.code).toBe(1);
});

it.each([
  [["--port", "many"], 2, /--port is "many": give a number from 0 to 65535[\s\S]*usage:/],
  [["--prot", "1"], 2, /Unknown option '--prot'[\s\S]*usage:/],
  [["--host", "0.0.0.0"], 1, /refusing to listen on 0\.0\.0\.0/],
])("refuses %j", async (parameters, code, message) => {
  const finished = await runProgram(MAIN, [...parameters, "--state", temporaryFolder()]);
  expect([finished.code, finished.stderr]).toEqual([code, expect.stringMatching(message)]);
});

it("names --no-python where there is no Python", async () => {
  const env = { GLEITZEIT_PYTHON: "/nowhere/python3" };
  const finished = await runProgram(MAIN, ["--port", "0", "--state", temporaryFolder()], { env });
  expect([finished.code, finished.stderr]).toEqual([1, expect.stringMatching(/nowhere.*--no-python\n$/)]);
});

it.each([
  ["20.11.0", 1],
  ["22.17.1", 1],
  ["22.18.0", 0],
  ["24.0.0", 0],
])("tells somebody with Node %s what is needed before anything else", (version, code) => {
  const pretend = `Object.defineProperty(process.versions, "node", { value: "${version}" })`;
  const script = `${pretend}; require("./src/local/check-node.cjs")`;
  const { status, stderr } = spawnSync(process.execPath, ["-e", script], { cwd: ROOT, encoding: "utf8" });
  expect([status, stderr.includes(`Node ${version} is too old`)]).toEqual([code, code === 1]);
});

/** What runs in a process group; zombies have ended, and wait for somebody to ask how. */
function membersOf(group: number): string[] {
  const { stdout } = spawnSync("ps", ["-A", "-o", "pgid=,stat=,args="], { encoding: "utf8" });
  const lines = stdout.split("\n").map((line) => line.trim());
  return lines.filter((line) => line.startsWith(`${group} `) && !/^\d+ +Z/.test(line));
}
