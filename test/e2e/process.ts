/** Programs of this project as processes of their own, for tests: nothing of them is left behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export type Finished = { code: number | null; stdout: string; stderr: string };
/** No test looks for servers at the usual addresses of this machine. */
const NOWHERE = { GLEITZEIT_OLLAMA_URLS: "", GLEITZEIT_MCP_URLS: "", GLEITZEIT_PYTHON_URLS: "" };

export type RunOptions = { cwd?: string; env?: Record<string, string | undefined>; stdin?: string };

/** Runs a program (`src/cli/main.ts`) to its end. */
export async function runProgram(
  program: string,
  parameters: string[],
  { stdin = "", ...options }: RunOptions = {},
): Promise<Finished> {
  const child = startProgram(program, parameters, options);
  child.stdin.on("error", () => {}).end(stdin); // it may have ended without reading
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), exitOf(child)]);
  return { code: child.exitCode, stdout, stderr };
}

/** A program as a process group of its own, which is killed when the test ends. */
export function startProgram(program: string, parameters: string[], { cwd = ROOT, env = {} }: RunOptions) {
  // What is killed cannot remove its temporary files.
  const TMPDIR = temporaryFolder();
  const child = spawn(process.execPath, [join(ROOT, program), ...parameters], {
    cwd,
    env: { ...process.env, NO_COLOR: undefined, ...NOWHERE, TMPDIR, ...env },
    detached: true,
  });
  onTestFinished(() => killGroup(child));
  return child;
}

/** All that it started in its group, at once and without a chance to tidy up. */
export async function killGroup(child: ChildProcess): Promise<void> {
  try {
    process.kill(-(child.pid ?? 0), "SIGKILL");
  } catch {
    return; // ended, and all of its group
  }
  await exitOf(child);
}

export async function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

/** The first match in what comes out of a stream. */
export async function untilPrinted(stream: Readable, wanted: RegExp): Promise<string> {
  let printed = "";
  for await (const piece of stream.iterator({ destroyOnReturn: false })) {
    printed += String(piece);
    const [found] = wanted.exec(printed) ?? [];
    if (found !== undefined) return found;
  }
  throw new Error(`it ended without printing ${wanted}: ${printed}`);
}

/** Removed when the test, or the file's last test, has ended. */
export function temporaryFolder(onEnd: (remove: () => void) => void = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), "gleitzeit-test-"));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
