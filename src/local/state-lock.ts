/** One service for each state folder: two would write the same databases and do the same work twice. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRunning, markOf, type ProcessMark } from "./process-mark.ts";

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
  writeFileSync(own, JSON.stringify(markOf(process.pid)));
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

function readHolder(file: string): ProcessMark | undefined {
  try {
    const { pid, startedAt } = JSON.parse(readFileSync(file, "utf8"));
    return typeof pid === "number" ? { pid, startedAt } : undefined;
  } catch {
    return undefined; // gone meanwhile, or cut off by a full disk
  }
}
