import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LIMITS } from "../../src/runner/limits.ts";
import { type Runner, startRunner } from "../../src/runner/runner.ts";
import { execute, isAlive, meetingPlace, post, readResult, request, soon, WAITING } from "./calling.ts";

let runner: Runner;
beforeAll(async () => {
  runner = await startRunner({
    port: 0,
    sandbox: "process",
    maxConcurrent: 2,
    memoryBytes: 256 * 1024 * 1024,
  });
});
afterAll(() => runner.close());

describe("time", () => {
  it("that is up kills a busy loop and the children it forked, and keeps what was printed", async () => {
    const place = meetingPlace();
    const code = `
import os
child = os.fork()
with open(args["pids"], "a") as pids: pids.write(f"{os.getpid()}\\n")
if child: print("half a line", end="")
while True: pass`;
    const done = await execute(runner, code, { timeout: 1, args: place.args, name: "loop.py" });
    expect(done).toMatchObject({ success: false, result: null, output: "half a line" });
    expect(done.error).toMatch(/^loop\.py timed out after 1 s; raise the call's timeout/);
    for (const pid of await place.pids(2)) await soon(() => isAlive(pid)).toBe(false);
  });

  it("ends for children left behind when the script itself ends", async () => {
    const place = meetingPlace();
    const code = `
import os, subprocess
child = subprocess.Popen(["sleep", "100"])
with open(args["pids"], "a") as pids: pids.write(f"{child.pid}\\n")`;
    const done = await execute(runner, code, { args: place.args });
    expect(done.success).toBe(true);
    expect(done.execution_time).toBeLessThan(10);
    for (const pid of await place.pids(1)) await soon(() => isAlive(pid)).toBe(false);
  });

  it("ends also for a process that left the group and holds the output open", async () => {
    const place = meetingPlace();
    const code = `
import subprocess
child = subprocess.Popen(["sleep", "100"], start_new_session=True)
with open(args["pids"], "a") as pids: pids.write(f"{child.pid}\\n")
result = "done"`;
    expect((await execute(runner, code, { args: place.args })).result).toBe("done");
    for (const pid of await place.pids(1)) await soon(() => isAlive(pid)).toBe(false);
  });
});

describe("output", () => {
  it("of 100 MB is cut at its limit, says so, and the script goes on", async () => {
    const code = 'line = "x" * 999_999\nfor _ in range(100): print(line)\nresult = "got through"';
    const done = await execute(runner, code);
    expect(done).toMatchObject({ success: true, result: "got through" });
    expect(done.output.length).toBeLessThan(LIMITS.outputBytes + 200);
    expect(done.output).toMatch(/\n\[cut here: 100000000 bytes in all, the first 1048576 are kept\]\n$/);
  });
});

describe("a result", () => {
  it("as large as its limit passes, one byte more is refused with both sizes", async () => {
    const code = 'result = "x" * (context["bytes"] - 2)';
    const fits = await execute(runner, code, { context: { bytes: LIMITS.resultBytes } });
    expect(fits.success).toBe(true);
    const larger = await execute(runner, code, { context: { bytes: LIMITS.resultBytes + 1 } });
    expect(larger).toMatchObject({ success: false, result: null });
    expect(larger.error).toBe(
      "result is 8388609 bytes as JSON, more than the 8388608 allowed; return less of it",
    );
  });
});

describe("memory, files and core dumps", () => {
  it("end in a MemoryError with the script's line and the limit", async () => {
    const { error } = await execute(runner, "\nhog = [bytearray(1 << 20) for _ in range(10_000)]");
    expect(error).toContain('File "script.py", line 2');
    expect(error).toContain("MemoryError; a script may use 256 MiB of memory");
  });

  it("end in a MemoryError also where the result is what does not fit", async () => {
    const { error } = await execute(runner, 'result = ["x" * (100 << 20)] * 10');
    expect(error).toContain("MemoryError");
  });

  it("are limited for the script and what it starts", async () => {
    const code = `
import resource as r
result = [r.getrlimit(kind)[0] for kind in (r.RLIMIT_AS, r.RLIMIT_FSIZE, r.RLIMIT_CORE)]`;
    expect((await execute(runner, code)).result).toEqual([256 * 1024 * 1024, LIMITS.fileBytes, 0]);
  });

  it("let a file that grows too large end in an error", async () => {
    const code = `
with open("big", "wb") as file:
    file.seek(${LIMITS.fileBytes})
    file.write(b"x")`;
    expect((await execute(runner, code)).error).toContain("File too large");
  });
});

describe("slots", () => {
  it("that are all taken answer 429 until one is free, and headers come before the script ends", async () => {
    const place = meetingPlace();
    const call = request("python/execute", { code: WAITING, args: place.args });
    const running = await Promise.all([post(runner, call), post(runner, call)]);
    expect(running.map(({ status }) => status)).toEqual([200, 200]);

    const refused = await post(runner, request("python/execute", { code: "1" }, "third"));
    expect(refused.status).toBe(429);
    expect(refused.headers.get("retry-after")).toBe("1");
    const message = "all 2 slots are running scripts; try again in a second";
    expect(await refused.json()).toEqual({ jsonrpc: "2.0", id: "third", error: { code: -32029, message } });
    expect((await post(runner, request("rpc.discover"))).status).toBe(200);
    expect(await (await fetch(`${runner.url}/health`)).json()).toMatchObject({
      running: 2,
      maxConcurrent: 2,
    });

    place.open();
    for (const response of running) expect((await readResult(response)).success).toBe(true);
    expect((await execute(runner, "result = 1")).result).toBe(1);
  });
});

describe("a runner", () => {
  it.each([0, 1.5, Number.NaN])("with %d slots does not start", async (maxConcurrent) => {
    await expect(startRunner({ port: 0, maxConcurrent })).rejects.toThrow("must be a whole number from 1");
  });
});

describe("a caller that leaves", () => {
  it("takes its script and the script's children along, and frees the slot", async () => {
    const place = meetingPlace();
    const leaving = new AbortController();
    const call = request("python/execute", { code: WAITING, args: place.args });
    await post(runner, call, { signal: leaving.signal });
    const pids = await place.pids(2);
    expect(pids.map(isAlive)).toEqual([true, true]);
    leaving.abort();
    for (const pid of pids) await soon(() => isAlive(pid)).toBe(false);
    await expect.poll(async () => (await fetch(`${runner.url}/health`)).json()).toMatchObject({ running: 0 });
  });
});
