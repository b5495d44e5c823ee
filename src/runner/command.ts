/** The runner as a command: `gleitzeit runner` and `node src/runner/main.ts` are the same. */
import { parseArgs } from "node:util";
import { LIMITS } from "./limits.ts";
import { type Runner, type RunnerOptions, startRunner } from "./runner.ts";
import { SANDBOX_KINDS, type SandboxKind } from "./sandbox.ts";

export type RunnerCommand = { isHelp: boolean; withParent: boolean; options: RunnerOptions };

const USAGE = `options of the Python runner:

  --port NUMBER            default ${LIMITS.port}; 0 takes any free one
  --host ADDRESS           default 127.0.0.1; any but loopback needs GLEITZEIT_RUNNER_SECRET
  --sandbox KIND           ${SANDBOX_KINDS.join(", ")}; default: bubblewrap where it works, else process
  --network                let scripts use the network (in a plain process they always can)
  --image NAME             an image that calls may name, for --sandbox docker; may be given several times, the first
                           is the default
  --max-concurrent NUMBER  scripts at a time; default: one for each CPU, at least ${LIMITS.concurrentLeast}
  --with-parent            end when standard input does, so that a killed parent leaves no runner behind
`;

/** Throws where an option is unknown or makes no sense. The secret is GLEITZEIT_RUNNER_SECRET. */
export function parseCommand(args: string[]): RunnerCommand {
  const { values } = parseArgs({ args, options: OPTIONS });
  const options: RunnerOptions = {
    host: values.host,
    port: parseNumber("port", values.port, 0, 65_535),
    network: values.network,
    images: values.image,
  };
  const secret = process.env["GLEITZEIT_RUNNER_SECRET"];
  const most = values["max-concurrent"];
  if (secret) options.secret = secret;
  if (values.sandbox !== undefined) options.sandbox = parseKind(values.sandbox);
  if (most !== undefined)
    options.maxConcurrent = parseNumber("max-concurrent", most, 1, LIMITS.concurrentMost);
  return { isHelp: values.help, withParent: values["with-parent"], options };
}

/** Serves until a signal, or the end of standard input where that was asked for, and ends all scripts. */
export async function serveCommand({ isHelp, withParent, options }: RunnerCommand): Promise<void> {
  if (isHelp) return void process.stdout.write(USAGE);
  const runner = await startRunner(options);
  const ended = untilEnd(withParent);
  process.stdout.write(`Python runner listening on ${runner.url} (sandbox: ${runner.sandbox})\n`);
  await ended;
  await close(runner);
}

const OPTIONS = {
  port: { type: "string", default: String(LIMITS.port) },
  host: { type: "string", default: "127.0.0.1" },
  sandbox: { type: "string" },
  network: { type: "boolean", default: false },
  image: { type: "string", multiple: true, default: [] as string[] },
  "max-concurrent": { type: "string" },
  "with-parent": { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

function parseNumber(name: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number >= least && number <= most) return number;
  throw new Error(`--${name} is "${text}"; give a number from ${least} to ${most}`);
}

export function parseKind(text: string): SandboxKind {
  const kind = SANDBOX_KINDS.find((one) => one === text);
  if (kind === undefined) throw new Error(`--sandbox is "${text}"; give one of ${SANDBOX_KINDS.join(", ")}`);
  return kind;
}

function untilEnd(withParent: boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = () => resolve();
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  if (withParent) process.stdin.once("end", end).once("error", end).resume();
  return promise;
}

async function close(runner: Runner): Promise<void> {
  await runner.close();
  process.stdin.destroy(); // read for its end, it would keep the process
}
