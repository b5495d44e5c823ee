import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { startRunner } from "../../src/runner/runner.ts";
import { execute, isAlive, meetingPlace, post, request, soon, temporaryFolder, WAITING } from "./calling.ts";

const MAIN = fileURLToPath(new URL("../../src/runner/main.ts", import.meta.url));
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

describe("the program", () => {
  it("prints its URL once it listens, and serves with the secret of its environment", async () => {
    const { url } = await runMain(["--port", "0"], { GLEITZEIT_RUNNER_SECRET: "s" });
    expect((await post({ url }, request("rpc.discover"))).status).toBe(401);
    const headers = { authorization: "Bearer s" };
    expect((await post({ url }, request("rpc.discover"), { headers })).status).toBe(200);
  });

  it.each(["SIGTERM", "SIGINT"] as const)("ends on %s with its scripts", async (signal) => {
    const { child, pids } = await runMainWithScript();
    child.kill(signal);
    expect(await exitOf(child)).toBe(0);
    expect(readdirSync(child.folder)).toEqual([]);
    for (const pid of pids) await soon(() => isAlive(pid)).toBe(false);
  });

  it("leaves no script behind even when it is killed outright", async () => {
    const { child, pids } = await runMainWithScript();
    child.kill("SIGKILL");
    for (const pid of pids) await soon(() => isAlive(pid)).toBe(false);
  });

  it("ends with its parent's pipe if asked to, else not", async () => {
    const { child } = await runMain(["--port", "0", "--with-parent"]);
    child.stdin?.end();
    expect(await exitOf(child)).toBe(0);

    const lasting = await runMain(["--port", "0"]);
    lasting.child.stdin?.end();
    expect((await execute(lasting, "result = 1")).result).toBe(1);
  });

  it("says what to do about a taken port, and exits with 1", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" && address ? address.port : 0;
    expect(await failureOf(["--port", String(port)])).toEqual([
      1,
      `port ${port} on 127.0.0.1 is taken; end what listens there, or choose another with --port (0: any free one)\n`,
    ]);
    other.close();
  });

  it.each([
    [["--port", "many"], '--port is "many"; give a number from 0 to 65535'],
    [["--port", "65536"], '--port is "65536"'],
    [["--host", "0.0.0.0"], "refusing to listen on 0.0.0.0 without a secret"],
    [["--sandbox", "jail"], '--sandbox is "jail"; give one of process, bubblewrap, docker'],
    [["--max-concurrent", "0"], '--max-concurrent is "0"; give a number from 1 to 1000'],
    [["--image", "python:3"], "--image is for --sandbox docker; give both"],
    [["--sandbox", "docker"], "--sandbox docker takes 1 to 20 images, not 0; allow one with --image"],
    [["--prot", "1"], "Unknown option '--prot'"],
  ])("refuses %j and exits with 1", async (options, message) => {
    expect(await failureOf(options)).toEqual([1, expect.stringContaining(message)]);
  });
});

describe("close", () => {
  it("ends running scripts, breaks their callers' connections and can be called twice", async () => {
    const runner = await startRunner({ port: 0, sandbox: "process" });
    const place = meetingPlace();
    const response = await post(runner, request("python/execute", { code: WAITING, args: place.args }));
    const pids = await place.pids(2);
    const broken = expect(response.text()).rejects.toThrow();
    await runner.close();
    await runner.close();
    await broken;
    for (const pid of pids) await soon(() => isAlive(pid)).toBe(false);
    await expect(fetch(runner.url)).rejects.toThrow();
  });

  it("does not wait for a caller that never ends its body", async () => {
    const runner = await startRunner({ port: 0 });
    const endless = new ReadableStream({ start: (stream) => stream.enqueue(Buffer.from("{")) });
    const headers = { "content-type": "application/json" };
    const call = fetch(runner.url, { method: "POST", headers, body: endless, duplex: "half" });
    const broken = expect(call).rejects.toThrow();
    await fetch(`${runner.url}/health`);
    await runner.close();
    await broken;
  });
});

async function runMainWithScript() {
  const { child, url } = await runMain(["--port", "0", "--sandbox", "process"]);
  const place = meetingPlace();
  await post({ url }, request("python/execute", { code: WAITING, args: place.args }));
  return { child, pids: await place.pids(2) };
}

async function runMain(options: string[], env: Record<string, string> = {}) {
  const child = start(options, env);
  const [line] = await once(child.stdout, "data");
  const [url] = /http:\S+/.exec(String(line)) ?? [];
  if (url === undefined) throw new Error(`no URL in ${JSON.stringify(String(line))}`);
  return { child, url };
}

async function failureOf(options: string[]) {
  const child = start(options, {});
  const [message, code] = await Promise.all([text(child.stderr), exitOf(child)]);
  return [code, message];
}

function start(options: string[], env: Record<string, string>) {
  const folder = temporaryFolder();
  const child = spawn(process.execPath, [MAIN, ...options], {
    env: { ...process.env, TMPDIR: folder, ...env },
  });
  started.push(child);
  return Object.assign(child, { folder });
}

async function exitOf(child: ChildProcess): Promise<unknown> {
  if (child.exitCode !== null) return child.exitCode;
  const [code] = await once(child, "exit");
  return code;
}
