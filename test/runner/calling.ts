import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import * as z from "zod";
import type { Runner } from "../../src/runner/runner.ts";

const scriptResult = z.strictObject({
  result: z.unknown(),
  output: z.string(),
  error: z.string().nullable(),
  execution_time: z.number(),
  success: z.boolean(),
});
const rpcError = z.object({ error: z.object({ code: z.number(), message: z.string() }) });

export const request = (method: string, params?: unknown, id: unknown = 1) => ({
  jsonrpc: "2.0",
  id,
  method,
  params,
});

export function post(runner: Pick<Runner, "url">, body: unknown, init: RequestInit = {}): Promise<Response> {
  const headers = { "content-type": "application/json", ...Object.fromEntries(new Headers(init.headers)) };
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return fetch(runner.url, { method: "POST", body: text, ...init, headers });
}

/** The result of one script; `params` beside the code are the method's own. */
export async function execute(runner: Pick<Runner, "url">, code: string, params: object = {}) {
  return readResult(await post(runner, request("python/execute", { code, ...params })));
}

export async function readResult(response: Response) {
  return z.object({ result: scriptResult }).parse(await response.json()).result;
}

/** The JSON-RPC error a call is answered with. */
export async function errorOf(runner: Pick<Runner, "url">, body: unknown) {
  return rpcError.parse(await (await post(runner, body)).json()).error;
}

/** A place where a running script and its test meet: the script writes its pid, and waits for the gate. */
export function meetingPlace() {
  const folder = temporaryFolder();
  const [pids, gate] = [join(folder, "pids"), join(folder, "gate")];
  return {
    args: { pids, gate },
    open: () => writeFileSync(gate, ""),
    async pids(count: number): Promise<number[]> {
      await soon(() => listed(pids).length).toBe(count);
      return listed(pids);
    },
  };
}

/** Removed when the test that asked for it has ended. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "gleitzeit-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Forks once, writes both pids to the meeting place, then waits for the gate. */
export const WAITING = `
import os, time
os.fork()
with open(args["pids"], "a") as pids:
    pids.write(f"{os.getpid()}\\n")
while not os.path.exists(args["gate"]):
    time.sleep(0.01)
`;

export const soon = <T>(observe: () => T) => expect.poll(observe, { timeout: 5000, interval: 20 });

/** A zombie counts as gone: it waits for the container's init, not for us. */
export function isAlive(pid: number): boolean {
  const state = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim();
  return state !== "" && !state.startsWith("Z");
}

/** How many processes have a name; those that ended and were not yet collected do not count. */
export function processesNamed(name: string): number {
  const lines = spawnSync("ps", ["-eo", "stat=,comm="], { encoding: "utf8" }).stdout.split("\n");
  return lines.filter((line) => line.includes(name) && !line.startsWith("Z")).length;
}

/** A script whose processes have a name by which they are found from outside; Linux only. */
export function marked(code: string): { name: string; code: string } {
  const name = `script${randomInt(1_000_000_000)}`;
  return { name, code: `open("/proc/self/comm", "w").write("${name}")\n${code}` };
}

const listed = (file: string): number[] =>
  existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").filter(Boolean).map(Number) : [];
