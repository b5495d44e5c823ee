/** A service as a process group of its own, which is killed without warning and started again on the same state. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, type WriteStream } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type Program = {
  /** A file of this project, and what it is told. */
  entry: URL;
  parameters: string[];
  environment: Record<string, string>;
};

export type Keeper = {
  /** Of the service that runs now, once it is up; rejects where that is killed or ends before. */
  url(): Promise<string>;
  /** kill -9 of the whole group, and another. */
  restart(): Promise<void>;
  end(): Promise<void>;
};

type Running = { child: ChildProcess; url: Promise<string> };

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START_MS = 60_000;

/** What the service prints goes into `service.log` in the folder. */
export function keepService(program: Program, folder: string): Keeper {
  const log = createWriteStream(join(folder, "service.log"), { flags: "a" });
  let running = start(program, folder, log);
  const killNow = () => killGroup(running.child);
  process.once("exit", killNow);
  return {
    url: () => running.url,
    async restart() {
      await killGroup(running.child);
      log.write("--- killed, and started again\n");
      running = start(program, folder, log);
    },
    async end() {
      process.off("exit", killNow);
      await killGroup(running.child);
      log.end();
    },
  };
}

function start({ entry, parameters, environment }: Program, folder: string, log: WriteStream): Running {
  // What is killed cannot remove its temporary files.
  const TMPDIR = join(folder, "tmp");
  mkdirSync(TMPDIR, { recursive: true });
  const child = spawn(process.execPath, [fileURLToPath(entry), ...parameters], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: undefined, FORCE_COLOR: undefined, TMPDIR, ...environment },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stderr.pipe(log, { end: false });
  const url = printedUrl(child, log);
  url.catch(() => {}); // whoever asks hears of it
  return { child, url };
}

function printedUrl(child: ChildProcess, log: WriteStream): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let printed = "";
  child.stdout?.on("data", (piece: Buffer) => {
    log.write(piece);
    if (printed.length < 10_000) printed += piece.toString();
    const [url] = /http:\S+/.exec(printed) ?? [];
    if (url !== undefined) resolve(url);
  });
  child.once("exit", (code, signal) => reject(new Error(`the service has ended: ${code ?? signal}`)));
  const timer = setTimeout(() => reject(new Error(`the service is not up after ${START_MS} ms`)), START_MS);
  return promise.finally(() => clearTimeout(timer));
}

async function killGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return; // it was never there, and group 0 is our own
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    return; // ended, and all of its group
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}
