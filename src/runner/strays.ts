/** Processes that left their script's group (setsid, a double fork) are known by the script's folder: it is their home. */
import { readdir, readFile } from "node:fs/promises";
import { LIMITS } from "./limits.ts";

/**
 * Kills what still has `folder` as its home. Linux only; and what starts a program with another environment, or forks
 * faster than we look, gets away: bubblewrap has no such gaps.
 */
export async function killStrays(folder: string): Promise<void> {
  for (let round = 0; round < LIMITS.sweepRounds; round++) {
    const strays = await findStrays(folder);
    if (strays.length === 0) return;
    for (const pid of strays) kill(pid);
  }
}

async function findStrays(folder: string): Promise<number[]> {
  const names = await readdir("/proc").catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).map(Number);
  const areStrays = await Promise.all(pids.map((pid) => hasHome(pid, folder)));
  return pids.filter((_, index) => areStrays[index]);
}

async function hasHome(pid: number, folder: string): Promise<boolean> {
  try {
    // As bytes of a kind: environments need not be UTF-8.
    const environment = await readFile(`/proc/${pid}/environ`, "latin1");
    return `\0${environment}`.includes(`\0HOME=${Buffer.from(folder).toString("latin1")}\0`);
  } catch {
    return false; // it ended, or is another user's
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it ended by itself
  }
}
