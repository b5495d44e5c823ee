import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { capText } from "./capped-text.ts";
import { LIMITS } from "./limits.ts";
import type { Place } from "./sandbox.ts";

/** How a script's process ended and what it left; `report` ends with what the harness wrote, if it could. */
export type Ending = {
  cause: "exited" | "timed_out" | "called_off";
  /** "exit code 0", "SIGSEGV" */
  exit: string;
  report: string;
  output: string;
  seconds: number;
};

type Start = { place: Place; input: string; timeoutMs: number; signal: AbortSignal };

const HARNESS = readFileSync(new URL("./harness.py", import.meta.url), "utf8");
// Isolated, no bytecode files, unbuffered (a killed script's last words count), UTF-8 whatever the locale.
const ARGUMENTS = ["-I", "-B", "-u", "-X", "utf8", "-c", HARNESS];

/** Runs the harness to its end, in a process group of its own; the place is left when this returns or throws. */
export async function runProcess(start: Start): Promise<Ending> {
  const { command, args, cwd, env } = start.place;
  const child = spawn(command, [...args, ...ARGUMENTS], { cwd, env, detached: true, stdio: "pipe" });
  const texts = collect(child);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const end = await untilEnd(child, start);
  await drain(child, closed);
  return { ...end, report: texts.report.text(), output: texts.output.text() };
}

async function untilEnd(
  child: ChildProcess,
  start: Start,
): Promise<Pick<Ending, "cause" | "exit" | "seconds">> {
  const startedAt = performance.now();
  const limit = watch(child, start);
  let isKilled = child.pid !== undefined;
  try {
    send(child, start.input);
    const exit = await exitOf(child);
    const cause = limit.cause();
    isKilled = cause !== "exited" || !exit.startsWith("exit code");
    return { cause, exit, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    limit.stop();
    killGroup(child); // what the script started and left running
    await start.place.leave(isKilled);
  }
}

function collect(child: ChildProcess) {
  const output = capText(LIMITS.outputBytes);
  const report = capText(LIMITS.reportBytes);
  for (const [stream, text] of [
    [child.stdout, output],
    [child.stderr, report],
  ] as const) {
    // Without streams the process did not start; "error" tells why.
    if (stream instanceof Readable) stream.on("data", text.add).on("error", () => {});
  }
  return { output, report };
}

function exitOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once("error", reject);
  });
}

function watch(child: ChildProcess, { timeoutMs, signal }: Start) {
  let cause: Ending["cause"] = "exited";
  const end = (why: Ending["cause"]) => {
    cause = why;
    killGroup(child);
  };
  const callOff = () => end("called_off");
  const timer = setTimeout(() => end("timed_out"), timeoutMs);
  signal.addEventListener("abort", callOff, { once: true });
  if (signal.aborted) callOff();
  const stop = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", callOff);
  };
  return { cause: () => cause, stop };
}

/** Stdin is not ended: the harness takes its end for the runner's. */
function send(child: ChildProcess, input: string): void {
  if (!(child.stdin instanceof Writable)) return;
  child.stdin.on("error", () => {}); // the process was killed before it had read all
  child.stdin.write(`${input}\n`);
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // nobody is left in the group
  }
}

async function drain(child: ChildProcess, closed: Promise<void>): Promise<void> {
  const timer = setTimeout(() => {
    for (const stream of child.stdio) stream?.destroy();
  }, LIMITS.drainMs);
  await closed;
  clearTimeout(timer);
}
