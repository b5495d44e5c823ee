/** What a script may not do, tried over HTTP in bubblewrap; after each try the runner serves as before. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { LIMITS } from "../../src/runner/limits.ts";
import { type Runner, startRunner } from "../../src/runner/runner.ts";
import { execute, marked, post, processesNamed, request, soon } from "./calling.ts";
import { describeInBubblewrap } from "./sandboxes.ts";

const SECRET = "the runner's own secret";

describeInBubblewrap("a script in bubblewrap", () => {
  let runner: Runner;
  beforeAll(async () => {
    runner = await startRunner({ port: 0, maxConcurrent: 2, memoryBytes: 256 * 1024 * 1024 });
    expect(runner.sandbox).toBe("bubblewrap");
  });
  afterAll(() => runner.close());
  afterEach(() => void vi.unstubAllEnvs());
  afterEach(async () => {
    expect((await execute(runner, "result = 6 * 7")).result).toBe(42);
    expect(await (await fetch(`${runner.url}/health`)).json()).toMatchObject({ status: "ok", running: 0 });
  });

  it("that loops for ever is ended with all its processes when its time is up", async () => {
    const { name, code } = marked("import os\nos.fork()\nos.write(1, b'on\\n')\nwhile True: pass");
    const done = await execute(runner, code, { timeout: 1 });
    expect(done).toMatchObject({ success: false, output: "on\non\n" });
    expect(done.error).toContain("timed out after 1 s; raise the call's timeout");
    await soon(() => processesNamed(name)).toBe(0);
  });

  it.each([
    ["processes", "import os\nwhile True: os.fork()"],
    [
      "threads",
      "import threading, time\nthreading.stack_size(1 << 16)\nwhile True: threading.Thread(target=time.sleep, args=[9], daemon=True).start()",
    ],
  ])("that starts %s without end is told how many it may have, and all of them end", async (_, bomb) => {
    const { name, code } = marked(bomb);
    const { success, error } = await execute(runner, code);
    expect(success).toBe(false);
    expect(error).toMatch(
      /(Resource temporarily unavailable|can't start new thread); a script may have 128 processes and threads at a time/,
    );
    await soon(() => processesNamed(name)).toBe(0);
  });

  it("that forks on whatever happens takes no more than its number, until its time is up", async () => {
    const bomb = `
import os
while True:
    try: os.fork()
    except OSError: pass`;
    const { name, code } = marked(bomb);
    const running = execute(runner, code, { timeout: 2 });
    let most = 0;
    await expect
      .poll(() => (most = Math.max(most, processesNamed(name))), { timeout: 5000, interval: 50 })
      .toBeGreaterThan(100);
    expect((await running).error).toContain("timed out after 2 s");
    expect(most).toBeLessThanOrEqual(LIMITS.processes);
    await soon(() => processesNamed(name)).toBe(0);
  });

  it.each(["[bytearray(1 << 20) for _ in range(10_000)]", "'x' * (1 << 40)"])(
    "that fills memory (%s) ends in a MemoryError with the limit",
    async (hog) => {
      const { error } = await execute(runner, `hog = ${hog}`);
      expect(error).toContain('File "script.py", line 1');
      expect(error).toContain("MemoryError; a script may use 256 MiB of memory: let it hold less at a time");
    },
  );

  it.each(["", "/tmp/", "/dev/shm/"])(
    "that fills the disk, here in %j, is told how much it may write",
    async (folder) => {
      const code = `
for number in range(100):
    with open(f"${folder}{number}", "wb") as file:
        for _ in range(100): file.write(bytes(1 << 20))`;
      const { error } = await execute(runner, code);
      expect(error).toContain(
        "No space left on device; a script's files may take 512 MiB together: write less",
      );
    },
  );

  it("that prints 100 MB has the first of it kept, and goes on", async () => {
    const done = await execute(runner, 'for _ in range(100): print("x" * 999_999)\nresult = "through"');
    expect(done).toMatchObject({ success: true, result: "through" });
    expect(done.output.length).toBeLessThan(LIMITS.outputBytes + 200);
    expect(done.output).toContain("[cut here: 100000000 bytes in all");
  });

  it.each(["/etc/passwd", "/etc/shadow", `${import.meta.dirname}/calling.ts`])(
    "that reads %s finds no such file, and is told why",
    async (path) => {
      const { error } = await execute(runner, `print(open(${JSON.stringify(path)}).read())`);
      expect(error).toContain(`No such file or directory: '${path}'; a script sees Python and its own files`);
    },
  );

  it("sees of the file system what Python needs, and writes to its own folder only", async () => {
    const code = `
import os
def writes(path):
    try: open(os.path.join(path, "mine"), "w").close(); return True
    except OSError: return False
result = [os.path.exists("/home"), os.path.exists("/var"), os.getcwd(),
    [path for path in ["/", "/etc", "/usr", "/usr/bin", "/dev", "/proc", "/tmp", "."] if writes(path)]]`;
    expect((await execute(runner, code)).result).toEqual([false, false, "/tmp/work", ["/tmp", "."]]);
    const { error } = await execute(runner, "open('/usr/mine', 'w')");
    expect(error).toContain(
      "Read-only file system: '/usr/mine'; a script writes to its working folder and to /tmp",
    );
  });

  it("finds no secret in any environment that it can read", async () => {
    vi.stubEnv("GLEITZEIT_RUNNER_SECRET", SECRET);
    const code = `
import glob, os
seen = [str(dict(os.environ))]
for path in glob.glob("/proc/[0-9]*/environ"):
    try: seen.append(open(path).read())
    except OSError: pass
result = "\\n".join(seen)`;
    const { result } = await execute(runner, code);
    expect(result).toContain("/tmp/work");
    expect(result).not.toContain(SECRET);
  });

  it("neither sees nor signals the processes of others", async () => {
    const code = `
import glob, os, signal
result = [len(glob.glob("/proc/[0-9]*")), os.getpid()]
try: os.kill(context["pid"], signal.SIGKILL)
except ProcessLookupError: result.append("none")`;
    const { result } = await execute(runner, code, { context: { pid: process.pid } });
    expect(result).toEqual([2, 2, "none"]);
  });

  it("has no rights, and cannot make itself a user namespace to have them in", async () => {
    const code = `
import ctypes
rights = [line.split()[1] for line in open("/proc/self/status") if line.startswith("Cap")]
result = [set(rights) == {"0" * 16}, ctypes.CDLL(None).unshare(0x10000000)]`;
    expect((await execute(runner, code)).result).toEqual([true, -1]);
  });

  it("that starts a process in a session of its own does not leave it behind", async () => {
    const code = `
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for descriptor in range(0, 3): os.close(descriptor)
        while True: pass
    os._exit(0)
result = "done"`;
    const { name, code: whole } = marked(code);
    expect((await execute(runner, whole)).result).toBe("done");
    await soon(() => processesNamed(name)).toBe(0);
  });

  it("goes with its caller", async () => {
    const leaving = new AbortController();
    const { name, code } = marked("import os\nos.fork()\nwhile True: pass");
    await post(runner, request("python/execute", { code }), { signal: leaving.signal });
    await soon(() => processesNamed(name)).toBe(2);
    leaving.abort();
    await soon(() => processesNamed(name)).toBe(0);
    await expect.poll(async () => (await fetch(`${runner.url}/health`)).json()).toMatchObject({ running: 0 });
  });

  it("leaves nothing behind at whatever moment of its start its caller goes", async () => {
    const mark = `/nowhere/${randomInt(1_000_000_000)}`; // bubblewrap's own processes have the runner's PATH
    vi.stubEnv("PATH", `${process.env["PATH"]}:${mark}`);
    const other = await startRunner({ port: 0, sandbox: "bubblewrap", maxConcurrent: 50 });
    const moments = Array.from({ length: 40 }, (_, index) => 2 * index);
    const call = request("python/execute", { code: "while True: pass" });
    const left = moments.map(async (milliseconds) => {
      const response = await post(other, call, { signal: AbortSignal.timeout(milliseconds) });
      await response.text();
    });
    for (const { status } of await Promise.allSettled(left)) expect(status).toBe("rejected");
    await soon(() => processesWith(mark)).toBe(0);
    await other.close();
  });

  it("that opens a socket reaches nobody and is told how to allow it; with --network it reaches", async () => {
    const { server, port, arrivals } = await listen();
    const code = `import socket\nsocket.create_connection(("127.0.0.1", ${port}), timeout=5).close()`;
    const hint = "the network is off for scripts: start the runner with --network to allow it";
    expect((await execute(runner, code)).error).toContain(`Connection refused; ${hint}`);
    const asked = await execute(
      runner,
      'import urllib.request\nurllib.request.urlopen("http://example.com")',
    );
    expect(asked.error).toMatch(new RegExp(`URLError: .*; ${hint}$`));
    expect(arrivals()).toBe(0);

    const open = await startRunner({ port: 0, sandbox: "bubblewrap", network: true });
    expect(await execute(open, code)).toMatchObject({ success: true, error: null });
    await soon(arrivals).toBe(1);
    await open.close();
    server.close();
  });
});

function processesWith(text: string): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.filter((pid) => environmentOf(pid).includes(text)).length;
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return ""; // it ended
  }
}

async function listen(): Promise<{ server: Server; port: number; arrivals(): number }> {
  let count = 0;
  const server = createServer((socket) => {
    count += 1;
    socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address: AddressInfo | string | null = server.address();
  return { server, port: typeof address === "object" ? (address?.port ?? 0) : 0, arrivals: () => count };
}
