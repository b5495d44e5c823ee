/** One service for each state folder: two would write the same databases and do the same work twice. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE = "service.lock";
const TRIES = 5;

/**
 * Takes the folder (made if it is not there) for this process until the function given back is called. What a killed
 * process left is ignored.
 */
export function lockState(folder: string): () => void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, FILE);
  for (let tries = 0; tries < TRIES; tries++) {
    if (take(file)) return () => rmSync(file, { force: true });
    const holder = readHolder(file);
    if (holder !== undefined && isRunning(holder)) {
      throw new Error(
        `${folder} is in use by the service with process id ${holder.pid}: ` +
          "stop that one, or give this one a folder of its own with --state",
      );
    }
    rmSync(file, { force: true });
  }
  throw new Error(`${file} cannot be taken: remove it if no service runs there`);
}

/** Written aside and linked, so that nobody sees a lock without its holder. */
function take(file: string): boolean {
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, startedAt: startOf(process.pid) }));
  try {
    linkSync(own, file);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

type Holder = { pid: number; startedAt: string | undefined };

function readHolder(file: string): Holder | undefined {
  try {
    const { pid, startedAt } = JSON.parse(readFileSync(file, "utf8"));
    return typeof pid === "number" ? { pid, startedAt } : undefined;
  } catch {
    return undefined; // gone meanwhile, or cut off by a full disk
  }
}

function isRunning({ pid, startedAt }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  // Process ids come again, after a reboot above all; the time of the start tells them apart, where it is to be had.
  return startOf(pid) === startedAt && !isZombie(pid);
}

/** Clock ticks from the machine's start to the process's (Linux); elsewhere unknown. */
const startOf = (pid: number): string | undefined => statOf(pid)[19];
const isZombie = (pid: number): boolean => statOf(pid)[0] === "Z";

/** What follows the command's name in /proc/PID/stat; the name itself may hold spaces and brackets. */
function statOf(pid: number): string[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
