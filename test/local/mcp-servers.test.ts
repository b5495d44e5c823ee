/** The servers of a file, started and ended as one. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { startMcpServers } from "../../src/local/mcp-servers.ts";
import { isRunning, markOf } from "../../src/local/process-mark.ts";
import { exitOf, ROOT, temporaryFolder, untilPrinted } from "../e2e/process.ts";
import { callOf, post, SMALL, startLog, textOf } from "./mcp-bridge-fixture.ts";

const [SCRIPT] = SMALL.args;

it("starts those with a command, names those with an address, and ends what it started", async () => {
  const { folder, stateFolder } = folderWith({
    one: { command: process.execPath, args: [SCRIPT, "${WORD}"] },
    broken: { command: "no-such-command" },
    far: { url: "https://example.com/mcp" },
  });
  const { log, untilLogged } = startLog();
  const environment = { WORD: "hello" };
  const { urls, close } = await startMcpServers({ folder, stateFolder, log, environment });
  expect(Object.keys(urls)).toEqual(["one", "broken", "far"]);
  expect(urls["far"]).toBe("https://example.com/mcp");
  await untilLogged(/MCP server "broken" did not start/);
  expect(await textOf(await post(urls["one"] ?? "", callOf("arguments")))).toBe("hello");
  const server = markOf(Number(await textOf(await post(urls["one"] ?? "", callOf("pid")))));
  expect(JSON.parse(readFileSync(join(stateFolder, "mcp-servers.json"), "utf8"))).toEqual([server]);
  await close();
  expect(isRunning(server)).toBe(false);
  expect(existsSync(join(stateFolder, "mcp-servers.json"))).toBe(false);
});

it("ends what a killed service left running", async () => {
  const { folder, stateFolder } = folderWith({
    one: { command: process.execPath, args: [SCRIPT, "stubborn"] },
  });
  const service = spawn(process.execPath, ["--input-type=module", "-e", serviceOn(folder, stateFolder)]);
  const server = markOf(Number(await untilPrinted(service.stdout, /\d+/)));
  service.kill("SIGKILL");
  await exitOf(service);
  expect(isRunning(server)).toBe(true);
  writeFileSync(join(folder, "gleitzeit.yaml"), "");
  const { close } = await startMcpServers({ folder, stateFolder, log: expect.unreachable });
  await expect.poll(() => isRunning(server)).toBe(false);
  await close();
});

it("ends what a leader that is dead has left behind", async () => {
  const { folder, stateFolder } = folderWith({});
  const { leader, left } = await deadLeader();
  writeFileSync(join(stateFolder, "mcp-servers.json"), JSON.stringify([leader]));
  const { close } = await startMcpServers({ folder, stateFolder, log: expect.unreachable });
  await close();
  await expect.poll(() => isRunning(left)).toBe(false);
});

it("leaves alone what is older than the leader that was noted", async () => {
  const { folder, stateFolder } = folderWith({});
  const { leader, left } = await deadLeader();
  const younger = { ...leader, startedAt: String(Number(left.startedAt) + 1) };
  writeFileSync(join(stateFolder, "mcp-servers.json"), JSON.stringify([younger]));
  const { close } = await startMcpServers({ folder, stateFolder, log: expect.unreachable });
  await close();
  expect(isRunning(left)).toBe(true);
});

it("leaves alone what only has the number of a server that was left", async () => {
  const { folder, stateFolder } = folderWith({});
  const other = spawn("sleep", ["1000"], { detached: true, stdio: "ignore" });
  onTestFinished(() => void other.kill("SIGKILL"));
  const mark = { ...markOf(other.pid ?? 0), startedAt: "1" };
  writeFileSync(join(stateFolder, "mcp-servers.json"), JSON.stringify([mark]));
  const { close } = await startMcpServers({ folder, stateFolder, log: expect.unreachable });
  await close();
  expect(isRunning(markOf(other.pid ?? 0))).toBe(true);
});

it("starts nothing where the file is wrong", async () => {
  const { folder, stateFolder } = folderWith({ one: { command: "a" }, two: {} });
  await expect(startMcpServers({ folder, stateFolder, log: expect.unreachable })).rejects.toThrow(
    /mcpServers\.two/,
  );
});

/** As `npx` killed alone: its child goes on in its group. */
async function deadLeader() {
  const shell = spawn("sh", ["-c", "sleep 1000 >/dev/null & echo $!; read end"], { detached: true });
  const left = markOf(Number(await untilPrinted(shell.stdout, /\d+/)));
  onTestFinished(() => {
    if (isRunning(left)) process.kill(left.pid, "SIGKILL");
  });
  const leader = markOf(shell.pid ?? 0);
  shell.kill("SIGKILL");
  await exitOf(shell);
  return { leader, left };
}

function folderWith(mcpServers: object) {
  const folder = temporaryFolder();
  // YAML that is JSON, as many write it.
  writeFileSync(join(folder, "gleitzeit.yaml"), JSON.stringify({ mcpServers }));
  return { folder, stateFolder: temporaryFolder() };
}

/** A program that starts the servers and prints the process id of the first. */
const serviceOn = (folder: string, stateFolder: string): string => `
  import { startMcpServers } from ${JSON.stringify(`${ROOT}src/local/mcp-servers.ts`)};
  const options = ${JSON.stringify({ folder, stateFolder })};
  const { urls } = await startMcpServers({ ...options, log: console.error });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(urls.one, { method: "POST", headers, body: ${JSON.stringify(JSON.stringify(callOf("pid")))} });
  console.log((await answer.json()).result.content[0].text);
`;
