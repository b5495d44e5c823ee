/** The process of an MCP server that speaks stdio, in a group of its own, so that what it starts ends with it. */
import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { LIMITS } from "./mcp-bridge-limits.ts";

/** As `gleitzeit.yaml` names it; `env` is beside the few variables that any program needs. */
export type StdioServer = { command: string; args: string[]; env: Record<string, string>; cwd: string };

/** What it takes to find programs, homes and temporary folders: no secret of the service is among them. */
const INHERITED = ["HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"];

type Spawned = { child: ChildProcessWithoutNullStreams | undefined; ended: Promise<string> };

/** `ended` resolves with the reason once all that it said was read, also where it could not be started. */
export function spawnServer(server: StdioServer): Spawned {
  try {
    const child = spawnGroup(server);
    return { child, ended: endOf(child, server) };
  } catch (error) {
    return { child: undefined, ended: Promise.resolve(startFailure(error, server)) };
  }
}

function spawnGroup({ command, args, cwd, env: own }: StdioServer): ChildProcessWithoutNullStreams {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  const env = { ...Object.fromEntries(inherited), ...own };
  return spawn(command, args, { cwd, env, stdio: "pipe", detached: true, windowsHide: true });
}

function endOf(child: ChildProcess, server: StdioServer): Promise<string> {
  child.stdin?.on("error", () => {}); // it ended without reading; the reason comes with its end
  return new Promise((resolve) => {
    child.once("error", (error) => child.pid === undefined && resolve(startFailure(error, server)));
    child.once("exit", () => void endGroup(child)); // others of the group may hold its output open
    child.once("close", (code, signal) => resolve(exitReason(code, signal)));
  });
}

/** Asks all of its group to end, and makes them end if they do not. */
export async function endGroup(child: ChildProcess): Promise<void> {
  const { pid } = child;
  if (pid === undefined) return; // it was never started
  child.stdin?.end();
  signalGroup(pid, "SIGTERM");
  for (let waited = 0; waited < LIMITS.endMs && signalGroup(pid, 0); waited += LIMITS.endLookMs) {
    await delay(LIMITS.endLookMs);
  }
  signalGroup(pid, "SIGKILL");
  setTimeout(() => drop(child), LIMITS.endMs).unref();
}

/** False: nobody is left in it. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** What left the group may hold the pipes for ever. */
function drop(child: ChildProcess): void {
  child.stdout?.destroy();
  child.stderr?.destroy();
}

function startFailure(error: unknown, { command, cwd }: StdioServer): string {
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) {
    return `its folder ${cwd} does not exist: correct cwd in gleitzeit.yaml`;
  }
  if (error instanceof Error && "code" in error && error.code === "ENOENT") {
    return `command "${command}" was not found: install it, or give its full path in gleitzeit.yaml`;
  }
  return `"${command}" cannot be started: ${error instanceof Error ? error.message : error}`;
}

const exitReason = (code: number | null, signal: string | null): string =>
  signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`;
