/** Which process it is: ids come again, after a reboot above all; the time of the start tells them apart (Linux). */
import { readdirSync, readFileSync } from "node:fs";

export type ProcessMark = { pid: number; startedAt: string | undefined };

export const markOf = (pid: number): ProcessMark => ({ pid, startedAt: startOf(pid) });

export function isRunning({ pid, startedAt }: ProcessMark): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  return startOf(pid) === startedAt && !isZombie(pid);
}

/**
 * The processes of a group that its leader, now dead, has left behind (Linux). The number may be another group's by now:
 * the group must have a session of its own, as one that was started detached has, and its processes must be younger.
 */
export function leftBy({ pid, startedAt }: ProcessMark): ProcessMark[] {
  const now = startOf(pid);
  const isAnother = now !== undefined && now !== startedAt;
  if (startedAt === undefined || isAnother) return [];
  const isOfGroup = (other: number) =>
    statOf(other)
      .slice(2, 4)
      .every((id) => id === String(pid));
  return processes()
    .filter((other) => other !== pid && isOfGroup(other))
    .map(markOf)
    .filter((mark) => Number(mark.startedAt) >= Number(startedAt));
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

/** The processes this one started that run a program of that name; none where there is no /proc. */
export function childrenNamed(program: string): ProcessMark[] {
  return processes()
    .filter((pid) => statOf(pid)[1] === String(process.pid) && nameOf(pid) === program)
    .map(markOf);
}

function processes(): number[] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}
