/** `gleitzeit runner`, a program of its own as users start it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { findInterpreter } from "../../src/runner/interpreter.ts";
import { execute, marked, post, processesNamed, request, soon, temporaryFolder } from "./calling.ts";
import { describeInBubblewrap } from "./sandboxes.ts";

const CLI = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
});

describe("gleitzeit runner", () => {
  it("serves with the options it is given, and ends on SIGTERM with 0", async () => {
    const options = ["--port", "0", "--host", "127.0.0.2", "--sandbox", "process", "--max-concurrent", "3"];
    const { child, url, line } = await serve(options, { GLEITZEIT_RUNNER_SECRET: "s" });
    expect(line).toMatch(/^Python runner listening on http:\/\/127\.0\.0\.2:\d+ \(sandbox: process\)\n$/);
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({
      maxConcurrent: 3,
      sandbox: "process",
    });
    expect((await post({ url }, request("rpc.discover"))).status).toBe(401);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it.each([
    [["--prot", "1"], 2, "Unknown option '--prot'"],
    [["--sandbox", "jail"], 2, '--sandbox is "jail"; give one of process, bubblewrap, docker'],
    [["more"], 2, "Unexpected argument 'more'"],
    [["--host", "0.0.0.0", "--port", "0"], 1, "refusing to listen on 0.0.0.0 without a secret"],
  ])("refuses %j with exit code %i", async (options, code, message) => {
    const child = start(options, {});
    const [said, [exit]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    expect(said).toContain(message);
    expect(exit).toBe(code);
  });

  it("tells of its options", async () => {
    const child = start(["--help"], {});
    const said = await text(child.stdout);
    for (const option of ["--port", "--host", "--sandbox", "--network", "--image", "--max-concurrent"]) {
      expect(said).toContain(option);
    }
  });
});

describeInBubblewrap("gleitzeit runner with bubblewrap", () => {
  it("leaves no script behind even when it is killed outright", async () => {
    const { child, url } = await serve(["--port", "0", "--sandbox", "bubblewrap"]);
    const { name, code } = marked("import os\nif os.fork() == 0: os.setsid()\nwhile True: pass");
    await post({ url }, request("python/execute", { code }));
    await soon(() => processesNamed(name)).toBe(2);
    child.kill("SIGKILL");
    await soon(() => processesNamed(name)).toBe(0);
  });

  it("shows scripts a virtual environment wherever it lies, and nothing beside it", async () => {
    const folder = temporaryFolder(); // which nobody else may enter
    const { path } = await findInterpreter();
    const made = spawnSync(path, ["-m", "venv", "--without-pip", join(folder, "inner", "venv")]);
    expect(made.status).toBe(0);
    const python = join(folder, "inner", "venv", "bin", "python");
    const { url } = await serve(["--port", "0", "--sandbox", "bubblewrap"], { GLEITZEIT_PYTHON: python });
    const code = `import os, sys\nresult = [sys.prefix, os.listdir(${JSON.stringify(folder)})]`;
    expect((await execute({ url }, code)).result).toEqual([join(folder, "inner", "venv"), ["inner"]]);
  });
});

async function serve(options: string[], env: Record<string, string> = {}) {
  const child = start(options, env);
  const line = String(await Promise.race([once(child.stdout, "data"), once(child, "exit")]));
  const [url] = /http:\/\/[^ ]+/.exec(line) ?? [];
  if (url === undefined) throw new Error(`no URL in ${JSON.stringify(line)}: ${await text(child.stderr)}`);
  return { child, url, line };
}

function start(options: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [CLI, "runner", ...options], { env: { ...process.env, ...env } });
  started.push(child);
  return child;
}
