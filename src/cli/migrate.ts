/** `gleitzeit migrate`: history from one backend to another, a request for each step, and what came of it. */
import { type Client, connect } from "../client/client.ts";
import { makePatience } from "../client/patience.ts";
import type { HistoryBackend, TransferProgress } from "../contract/api.ts";
import { codeOf, GleitzeitError, retryingOf } from "../contract/error.ts";
import { EXIT } from "./exit-code.ts";
import type { Screen } from "./progress-view.ts";

export type MigrateOptions = { from: HistoryBackend; to: HistoryBackend; url: string };
/** How long a failing step is tried again, and where progress is shown. */
export type MigrateManner = { patienceMs?: number; screen?: Screen };

/** A restart or a slow database; whoever runs the command can run it again. */
const PATIENCE_MS = 10_000;
/** 50 million runs at 50 a step: what takes more than so many requests does not come to an end. */
const STEPS_MOST = 1_000_000;
/** Where there is no terminal, a line for each thousand runs or so. */
const STEPS_PER_LINE = 20;

/** The exit code: 0 where the target has all that the source has. Throws where a step fails for good. */
export async function migrateHistory(options: MigrateOptions, manner: MigrateManner = {}): Promise<number> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt);
  const view = showSteps(manner.screen ?? process.stderr);
  try {
    const done = await copyAll(options, { ...manner, signal: stop.signal, view });
    view.end();
    return done === undefined ? tellInterrupted(options) : report(options, done);
  } finally {
    view.end();
    process.removeListener("SIGINT", interrupt);
  }
}

type Copying = MigrateManner & { signal: AbortSignal; view: StepView };

/** The last answer; `behindRuns` are on their way to the source, and were not there to be copied. */
type Done = TransferProgress & { behindRuns: number };

/** Undefined when the user does not want to wait for it. */
async function copyAll(options: MigrateOptions, copying: Copying): Promise<Done | undefined> {
  const { signal, view, patienceMs = PATIENCE_MS } = copying;
  const client = connectTo(options.url);
  const patience = makePatience(signal, patienceMs);
  const { from, to } = options;
  let progress: TransferProgress | undefined;
  for (let step = 0; step < STEPS_MOST && !signal.aborted; step++) {
    try {
      progress = await client.migrate({ from, to, progress }, { signal });
      if (progress.isDone) return { ...progress, behindRuns: await countBehind(client, from) };
      patience.restore();
      view.take(progress);
    } catch (error) {
      if (signal.aborted) return undefined;
      await patience.wait(error).catch((last) => giveUp(options, last, progress));
    }
  }
  return signal.aborted ? undefined : giveUp(options, new Error("it does not come to an end"), progress);
}

/** Only D1 is ever behind. */
async function countBehind(client: Client, from: HistoryBackend): Promise<number> {
  return from === "d1" ? (await client.status()).history.behindRuns : 0;
}

function connectTo(url: string): Client {
  const apiKey = process.env["GLEITZEIT_API_KEY"];
  return connect(apiKey ? { url, apiKey } : { url });
}

function giveUp(options: MigrateOptions, cause: unknown, progress: TransferProgress | undefined): never {
  const code = codeOf(cause);
  // It would fail again: the message says what to correct.
  if (retryingOf(code) === "never") throw cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const looked = formatCount(progress?.from.runs ?? 0);
  const message = `${reason}\n${looked} looked at; what was copied is there. To go on:\n  ${commandOf(options)}`;
  throw new GleitzeitError(code, message, { cause });
}

function tellInterrupted(options: MigrateOptions): number {
  console.error(`what was copied is there; to go on:\n  ${commandOf(options)}`);
  return EXIT.interrupted;
}

function report(options: MigrateOptions, done: Done): number {
  const { copied, from, to } = done;
  const sides = [
    [options.from, from],
    [options.to, to],
  ] as const;
  const lines = sides.map(([name, { runs, digest }]) => `${name.padEnd(8)} ${formatCount(runs)}  ${digest}`);
  process.stdout.write(`${lines.join("\n")}\n${formatCount(copied)} copied\n`);
  const fault = faultOf(options, done);
  console.error(fault === undefined ? adviceTo(options, from.digest === to.digest) : catchUp(options, fault));
  return fault === undefined ? EXIT.completed : EXIT.failed;
}

/** Why the target may lack something. */
function faultOf({ from, to }: MigrateOptions, { isEqual, behindRuns }: Done): string | undefined {
  if (!isEqual) return `${to} lacks some of what ${from} has: runs changed or were removed meanwhile`;
  return behindRuns === 0
    ? undefined
    : `${formatCount(behindRuns)} wait for ${from}, which has failed, and are not there yet`;
}

function catchUp(options: MigrateOptions, fault: string): string {
  return `${fault}. To catch up:\n  ${commandOf(options)}\nthen set GLEITZEIT_HISTORY=${options.to}`;
}

function adviceTo(options: MigrateOptions, isSame: boolean): string {
  const { from, to } = options;
  const later = isSame ? "" : ", and some runs later than there, which is why the digests differ";
  const next = `Set GLEITZEIT_HISTORY=${to}; then, for what was written meanwhile:\n  ${commandOf(options)}`;
  return `${to} has all that ${from} has${later}. ${next}`;
}

const commandOf = ({ from, to, url }: MigrateOptions): string =>
  `gleitzeit migrate --from ${from} --to ${to} --url ${url}`;

const formatCount = (runs: number): string => `${runs.toLocaleString("en-US")} run${runs === 1 ? "" : "s"}`;

type StepView = { take(progress: TransferProgress): void; end(): void };

/** On a terminal one line that changes, else a line now and then. */
function showSteps(screen: Screen): StepView {
  const isLive = screen.isTTY === true && process.env["TERM"] !== "dumb";
  let steps = 0;
  return {
    take({ copied, from }) {
      const text = `${formatCount(from.runs)} looked at, ${copied.toLocaleString("en-US")} copied`;
      if (isLive) screen.write(`\r\u001b[K${text}`);
      else if (steps % STEPS_PER_LINE === 0) screen.write(`${text}\n`);
      steps++;
    },
    end() {
      if (isLive && steps > 0) screen.write("\n");
      steps = 0;
    },
  };
}
