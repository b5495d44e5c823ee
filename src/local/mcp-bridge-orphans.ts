/**
 * A stdio MCP server ends when its input does, as a rule; one that does not would outlive a service that was killed
 * without warning. Those that run are noted in the state folder, and ended by the next service that takes it.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { uptime } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { isRunning, leftBy, markOf, type ProcessMark } from "./process-mark.ts";

const FILE = "mcp-servers.json";
const marks = z.array(z.object({ pid: z.int().min(2), startedAt: z.string() }));

export type Note = { started(pid: number): void; ended(pid: number): void };

/** To be called by who holds the folder's lock, and once what was left there is ended. */
export function noteServers(folder: string): Note {
  const running = new Map<number, ProcessMark>();
  function save(): void {
    try {
      writeFileSync(join(folder, FILE), JSON.stringify([...running.values()]));
    } catch {
      // A full disk: the servers work without their note.
    }
  }
  return {
    started(pid) {
      running.set(pid, markOf(pid));
      save();
    },
    ended(pid) {
      running.delete(pid);
      if (running.size > 0) save();
      else rmSync(join(folder, FILE), { force: true });
    },
  };
}

/** Each leads a group, and its group ends with it; a leader that is dead (`npx`) may have left the server itself. */
export function endOrphanedServers(folder: string): void {
  const file = join(folder, FILE);
  for (const mark of readNoted(file)) {
    if (isRunning(mark)) end(-mark.pid);
    else if (isOfThisBoot(file)) for (const { pid } of leftBy(mark)) end(pid);
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended by itself, or is not ours to end.
  }
}

/** Before the machine's last start, times were counted from another one. */
function isOfThisBoot(file: string): boolean {
  return statSync(file).mtimeMs > Date.now() - uptime() * 1000;
}

/** Only those whose start is known (Linux): a number alone may be somebody else's by now. */
function readNoted(file: string): ProcessMark[] {
  try {
    return marks.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return []; // none was noted
  }
}
