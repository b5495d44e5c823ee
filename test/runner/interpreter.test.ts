import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { findInterpreter } from "../../src/runner/interpreter.ts";
import { startRunner } from "../../src/runner/runner.ts";
import { temporaryFolder } from "./calling.ts";

afterEach(() => vi.unstubAllEnvs());

describe("the interpreter", () => {
  it("is the real one behind a shim", async () => {
    const shim = program('exec python3 "$@"');
    const found = await findInterpreter(shim);
    expect(found.path).not.toBe(shim);
    expect(found.path).toMatch(/python/);
    expect(found.version).toMatch(/^3\.\d+\.\d+$/);
  });

  it("is the one GLEITZEIT_PYTHON names", async () => {
    vi.stubEnv("GLEITZEIT_PYTHON", program("echo /opt/mine; echo 3.12.1; echo /opt"));
    expect(await findInterpreter()).toEqual({ path: "/opt/mine", version: "3.12.1", folders: ["/opt"] });
  });

  it("that was named but is too old or missing is an error, not passed over", async () => {
    const old = program("echo /opt/old; echo 3.7.9");
    await expect(findInterpreter(old)).rejects.toThrow(`"${old}" is no Python 3.8 or newer`);
    await expect(startRunner({ port: 0, python: "/nowhere/python" })).rejects.toThrow(
      '"/nowhere/python" is no',
    );
  });

  it("is the first candidate that is new enough; with none, the error says what to install", async () => {
    vi.stubEnv("GLEITZEIT_PYTHON", undefined);
    const [old, good] = [program("echo /opt/old; echo 2.7.18"), program("echo /opt/good; echo 3.8.0")];
    expect((await findInterpreter(undefined, ["/nowhere", old, good])).path).toBe("/opt/good");
    await expect(findInterpreter(undefined, ["/nowhere", old])).rejects.toThrow(
      /install python3 .*GLEITZEIT_PYTHON/,
    );
  });
});

function program(body: string): string {
  const path = join(temporaryFolder(), "program");
  writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return path;
}
