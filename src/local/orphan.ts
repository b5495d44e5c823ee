/**
 * workerd outlives a parent that was killed without warning, and goes on serving the port and writing the state. Its
 * process is noted in the state folder, and ended by the next service that takes it.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { childrenNamed, isRunning, type ProcessMark } from "./process-mark.ts";

const FILE = "workerd.json";
const END_MS = 5000;
const LOOK_MS = 20;

/** Notes the workerd that this process runs, until the function given back is called. */
export function noteWorkerd(folder: string): () => void {
  const file = join(folder, FILE);
  writeFileSync(file, JSON.stringify(childrenNamed("workerd")));
  return () => rmSync(file, { force: true });
}

/** Ends what a killed service left running on this folder. To be called by who holds its lock. */
export async function endOrphans(folder: string): Promise<void> {
  const orphans = readNoted(join(folder, FILE)).filter(isRunning);
  for (const { pid } of orphans) process.kill(pid, "SIGKILL");
  for (let waited = 0; orphans.some(isRunning); waited += LOOK_MS) {
    if (waited > END_MS) throw new Error(`process ${orphans[0]?.pid} still uses ${folder}: end it first`);
    await delay(LOOK_MS);
  }
}

function readNoted(file: string): ProcessMark[] {
  try {
    const noted: unknown = JSON.parse(readFileSync(file, "utf8"));
    return Array.isArray(noted) ? noted.filter(isMark) : [];
  } catch {
    return []; // none was noted
  }
}

function isMark(value: unknown): value is ProcessMark {
  return typeof value === "object" && value !== null && "pid" in value && typeof value.pid === "number";
}
