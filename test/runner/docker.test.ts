/** Scripts in docker, as far as that shows without an engine: `docker` is a program of this test, put on PATH. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { findInterpreter } from "../../src/runner/interpreter.ts";
import { LIMITS } from "../../src/runner/limits.ts";
import { type RunnerOptions, startRunner } from "../../src/runner/runner.ts";
import { errorOf, execute, post, request, soon, temporaryFolder } from "./calling.ts";

const IMAGES = ["python:3.13-slim", "registry.example/team/science@sha256:abc"];
/** Notes what it is called with; "runs" a container by running Python here, in the environment it was told of. */
const STUB = (python: string, notes: string) => `#!${python}
import json, os, sys
with open(${JSON.stringify(notes)}, "a") as notes: notes.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[1] == "run":
    images = [at for at, word in enumerate(sys.argv) if word in ${JSON.stringify([...IMAGES, "absent:1"])}]
    if sys.argv[images[0]] == "absent:1":
        sys.exit("docker: Error response from daemon: No such image: absent:1")
    print("WARNING: said by docker before the container", file=sys.stderr)
    sys.stderr.flush()
    told = dict(word.split("=", 1) for word in sys.argv if "=" in word and "," not in word)
    os.execve(${JSON.stringify(python)}, ["python3", *sys.argv[images[0] + 1:]], {"IMAGE": sys.argv[images[0]], **told})
`;

let python: string;
beforeAll(async () => {
  python = (await findInterpreter()).path;
});

describe("a runner with docker", () => {
  it("runs scripts by docker run, within limits, without network and without anything of its own environment", async () => {
    vi.stubEnv("GLEITZEIT_TEST_LEAK", "leaked");
    const { runner, calls } = await start({ images: IMAGES, memoryBytes: 256 * 1024 * 1024 });
    const code =
      'import os\nprint("said")\nresult = [open("a/b").read(), os.environ["IMAGE"], str(os.environ)]';
    const done = await execute(runner, code, { files: { "a/b": "laid" } });
    expect(done).toMatchObject({
      success: true,
      output: "said\n",
      result: ["laid", IMAGES[0], expect.any(String)],
    });
    expect(String(done.result)).not.toContain("leaked");

    const [command, ...options] = calls().at(-1) ?? [];
    expect(command).toBe("run");
    for (const flag of ["--rm", "--interactive", "--init", "--read-only"]) expect(options).toContain(flag);
    const valueAt = (name: string) => options[options.indexOf(name) + 1];
    const bytes = String(256 * 1024 * 1024 + LIMITS.memoryReserveBytes + LIMITS.folderBytes);
    expect([valueAt("--network"), valueAt("--memory"), valueAt("--memory-swap")]).toEqual([
      "none",
      bytes,
      bytes,
    ]);
    expect([valueAt("--pids-limit"), valueAt("--cap-drop"), valueAt("--user")]).toEqual([
      "128",
      "ALL",
      "65534:65534",
    ]);
    expect(valueAt("--tmpfs")).toMatch(/^\/tmp:.*size=536870912$/);
    expect([valueAt("--entrypoint"), valueAt("--pull")]).toEqual(["python3", "never"]);
    expect(options.slice(options.indexOf(IMAGES[0] ?? "") + 1, -1)).toEqual([
      "-I",
      "-B",
      "-u",
      "-X",
      "utf8",
      "-c",
    ]);
  });

  it("runs a script in the image it names, if the runner allows it", async () => {
    const { runner } = await start({ images: IMAGES });
    const code = 'import os\nresult = os.environ["IMAGE"]';
    expect((await execute(runner, code, { image: IMAGES[1] })).result).toBe(IMAGES[1]);
    expect(await errorOf(runner, request("python/execute", { code, image: "ubuntu" }))).toEqual({
      code: -32602,
      message: `image must be one that the runner allows: ${IMAGES.join(", ")}`,
    });
  });

  it("says what it allows and is", async () => {
    const { runner } = await start({ images: IMAGES, network: true });
    expect(await (await fetch(`${runner.url}/health`)).json()).toMatchObject({ sandbox: "docker" });
    const image = { enum: IMAGES, default: IMAGES[0] };
    expect(await (await post(runner, request("rpc.discover"))).json()).toMatchObject({
      result: {
        sandbox: "docker",
        network: true,
        python: expect.stringMatching(/^3\./),
        methods: [{ params: { properties: { image } } }],
      },
    });
  });

  it("removes the container of a script whose time is up, which outlives docker's own command", async () => {
    const { runner, calls } = await start({ images: IMAGES });
    const done = await execute(runner, "while True: pass", { timeout: 1 });
    expect(done.error).toContain("timed out after 1 s");
    const [ran, removed] = calls().slice(-2);
    expect(removed).toEqual(["rm", "--force", ran?.[ran.indexOf("--name") + 1]]);
    expect((await execute(runner, "result = 1")).result).toBe(1);
  });

  it("removes the container of a caller that leaves", async () => {
    const { runner, calls } = await start({ images: IMAGES });
    const leaving = new AbortController();
    await post(runner, request("python/execute", { code: "while True: pass" }), { signal: leaving.signal });
    leaving.abort();
    await soon(() => calls().at(-1)?.[0]).toBe("rm");
  });

  it("explains what the network and the file system are for", async () => {
    const { runner } = await start({ images: IMAGES });
    const refused = await execute(runner, "raise ConnectionRefusedError(111, 'Connection refused')");
    expect(refused.error).toContain("; the network is off for scripts: start the runner with --network");
    const absent = await execute(runner, "open('/nowhere/at/all')");
    expect(absent.error).toContain("; a script sees Python and its own files");
  });
});

describe("a runner with docker does not start", () => {
  it("where the image is not there, and says how to get it", async () => {
    await expect(start({ images: ["absent:1"] })).rejects.toThrow(
      /^--sandbox docker does not work here: .*No such image: absent:1; start the engine, and get the image: docker pull absent:1$/,
    );
  });

  it("where there is no docker", async () => {
    vi.stubEnv("PATH", temporaryFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(startRunner({ port: 0, sandbox: "docker", images: IMAGES })).rejects.toThrow(
      "there is no command docker",
    );
  });

  it.each(["--privileged", "a b", ""])("with an image called %j", async (image) => {
    await expect(start({ images: [image] })).rejects.toThrow(
      `--image is "${image}", which is no image's name`,
    );
  });
});

async function start(options: RunnerOptions) {
  const folder = temporaryFolder();
  const notes = join(folder, "notes");
  writeFileSync(join(folder, "docker"), STUB(python, notes), { mode: 0o755 });
  vi.stubEnv("PATH", folder + delimiter + process.env["PATH"]);
  onTestFinished(() => void vi.unstubAllEnvs());
  const runner = await startRunner({ port: 0, sandbox: "docker", ...options });
  onTestFinished(() => runner.close());
  const lines = () => (existsSync(notes) ? readFileSync(notes, "utf8").trim().split("\n") : []);
  return { runner, calls: (): string[][] => lines().map((line) => JSON.parse(line)) };
}
