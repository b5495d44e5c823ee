/** Which sandbox a runner takes, and what it says where it cannot have it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { bubblewrapSandbox } from "../../src/runner/bubblewrap.ts";
import { findInterpreter } from "../../src/runner/interpreter.ts";
import { type RunnerOptions, startRunner } from "../../src/runner/runner.ts";
import { temporaryFolder } from "./calling.ts";
import { describeInBubblewrap } from "./sandboxes.ts";

const python = (await findInterpreter()).path;
const INSTALL = "apt-get install bubblewrap";
afterEach(() => vi.unstubAllEnvs());

describeInBubblewrap("where bubblewrap works", () => {
  it("it is used without being asked for, and nothing is said", async () => {
    expect(await started({})).toEqual({ sandbox: "bubblewrap", warnings: [] });
  });

  it("a process is used where that is asked for, without a warning", async () => {
    expect(await started({ sandbox: "process" })).toEqual({ sandbox: "process", warnings: [] });
  });
});

describe("where bubblewrap is missing", () => {
  it("scripts run in processes, and one line says what that means and how to get it", async () => {
    vi.stubEnv("PATH", temporaryFolder());
    const { sandbox, warnings } = await started({ python });
    expect(sandbox).toBe("process");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/without a sandbox \(they can read this user's files and use the network\)/);
    expect(warnings[0]).toContain(`there is no command bwrap; install it (Debian, Ubuntu: ${INSTALL}`);
    expect(warnings[0]).not.toContain("\n");
  });

  it("asking for it is an error that says why and what to do", async () => {
    vi.stubEnv("PATH", temporaryFolder());
    await expect(started({ python, sandbox: "bubblewrap" })).rejects.toThrow(
      /^--sandbox bubblewrap does not work here: there is no command bwrap; install it \(Debian, Ubuntu: apt-get install/,
    );
  });
});

describe("where bubblewrap does not work", () => {
  it("what it says is the reason, in the warning as in the error", async () => {
    vi.stubEnv(
      "PATH",
      `${folderWith("bwrap", "echo 'bwrap: No permissions' >&2\nexit 1")}:${process.env["PATH"]}`,
    );
    const { sandbox, warnings } = await started({ python });
    expect([sandbox, warnings.length]).toEqual(["process", 1]);
    expect(warnings[0]).toContain(
      "a trial script did not start (exit code 1): bwrap: No permissions; install it",
    );
    await expect(started({ python, sandbox: "bubblewrap" })).rejects.toThrow("bwrap: No permissions");
  });
});

describe("an interpreter", () => {
  it.each(["/", "/opt", "/home/somebody"])(
    "whose own folder is %s is not shown to scripts with all of that",
    (folder) => {
      const interpreter = { path: `${folder}/python`, version: "3.13.0", folders: [folder] };
      expect(() => bubblewrapSandbox({ interpreter, hasNetwork: false })).toThrow(
        `Python's own folder is ${folder}, which holds more than Python`,
      );
    },
  );
});

async function started(options: RunnerOptions) {
  const warnings: string[] = [];
  const runner = await startRunner({ port: 0, warn: (line) => warnings.push(line), ...options });
  await runner.close();
  return { sandbox: runner.sandbox, warnings };
}

function folderWith(program: string, body: string): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, program), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  return folder;
}
