import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { Readable, Writable } from "node:stream";
import { capText } from "./capped-text.ts";
import { LIMITS } from "./limits.ts";

/** How a script's process ended and what it left; `report` is what the harness wrote, empty if it could not. */
export type Ending = {
  cause: "exited" | "timed_out" | "called_off";
  /** "exit code 0", "SIGSEGV" */
  exit: string;
  report: string;
  output: string;
  seconds: number;
};

type Start = { python: string; folder: string; input: string; timeoutMs: number; signal: AbortSignal };

const HARNESS = readFileSync(new URL("./harness.py", import.meta.url), "utf8");
// Isolated, no bytecode files, unbuffered (a killed script's last words count), UTF-8 whatever the locale.
const ARGUMENTS = ["-I", "-B", "-u", "-X", "utf8", "-c", HARNESS];

/** Runs the harness to its end, in a process group of its own of which nothing is left afterwards. */
export async function runProcess(start: Start): Promise<Ending> {
  const startedAt = performance.now();
  const child = spawn(start.python, ARGUMENTS, {
    cwd: start.folder,
    env: environment(start.folder),
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  const texts = collect(child);
  const end = endings(child);
  const limit = watch(child, start);
  try {
    send(child, start.input);
    const exit = await end.exited;
    const seconds = (performance.now() - startedAt) / 1000;
    const cause = limit.cause(); // now: the time may run out while the pipes drain
    killGroup(child); // what the script started and left running
    await drain(child, end.closed);
    return { cause, exit, report: texts.report.text(), output: texts.output.text(), seconds };
  } finally {
    limit.stop();
  }
}

const environment = (folder: string): Record<string, string> => ({
  PATH: "/usr/local/bin:/usr/bin:/bin",
  LANG: "C.UTF-8",
  HOME: folder,
  TMPDIR: folder, // so that temporary files go when the folder goes
  PYTHONDONTWRITEBYTECODE: "1",
});

function collect(child: ChildProcess) {
  const output = capText(LIMITS.outputBytes);
  const report = capText(LIMITS.reportBytes);
  for (const [stream, text] of [
    [child.stdout, output],
    [child.stderr, output],
    [child.stdio[3], report],
  ] as const) {
    // Without streams the process did not start; "error" tells why.
    if (stream instanceof Readable) stream.on("data", text.add).on("error", () => {});
  }
  return { output, report };
}

function endings(child: ChildProcess): { exited: Promise<string>; closed: Promise<void> } {
  return {
    exited: new Promise((resolve, reject) => {
      child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code}`));
      child.once("error", reject);
    }),
    closed: new Promise((resolve) => child.once("close", () => resolve())),
  };
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
