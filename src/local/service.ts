/** The whole service on this machine: the Python runner in this process, workerd beside it, state in a folder. */
import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { startRunner } from "../runner/runner.ts";
import type { SandboxKind } from "../runner/sandbox.ts";
import { bundleWorker } from "./bundle.ts";
import { endOrphans, noteWorkerd } from "./orphan.ts";
import { secretKeyOf } from "./secret-key.ts";
import { settingsFor, type Told } from "./settings.ts";
import { lockState } from "./state-lock.ts";
import { startWorkerd, type Workerd } from "./workerd.ts";

export type ServiceOptions = {
  /** Default 8787; 0 takes any free one. */
  port?: number;
  /** Default 127.0.0.1; loopback only. */
  host?: string;
  stateFolder: string;
  /** False leaves the Python runner out. */
  python?: boolean;
  /** Of the Python runner; default: bubblewrap where it works, without a network. */
  sandbox?: SandboxKind;
  network?: boolean;
  /** With a key, which every request must then carry, the service may listen on any address. */
  rootKey?: string | undefined;
  /** Instances, as GLEITZEIT_OLLAMA_URLS and its like name them; default: those variables. */
  ollamaUrls?: string[];
  mcpUrls?: string[];
  pythonUrls?: string[];
  /** Starts the MCP servers that belong to the service, which then ends them. */
  mcpServers?: (place: McpPlace) => Promise<McpServers>;
  /** What the Worker logs, line by line; default: standard error. */
  log?: (line: string) => void;
};

type McpPlace = { stateFolder: string; log: (line: string) => void };
/** Their addresses by name. */
type McpServers = { urls: Record<string, string>; close(): Promise<void> };

export type LocalService = { url: string; close(): Promise<void> };

export const PORT_DEFAULT = 8787;
export const HOST_DEFAULT = "127.0.0.1";
const LOOPBACK = ["127.0.0.1", "localhost", "::1"];
const HEALTH_MS = 15_000;
const HEALTH_PAUSE_MS = 20;
const TICK_MS = 60_000;

/**
 * Starts everything and resolves when the service is healthy; a start that fails leaves nothing behind.
 *
 * @example
 * const service = await startService({ port: 0, stateFolder: "/tmp/state" });
 * await fetch(`${service.url}/health`);
 * await service.close();
 */
export async function startService(options: ServiceOptions): Promise<LocalService> {
  const { host = HOST_DEFAULT, port = PORT_DEFAULT, stateFolder, log = console.error } = options;
  if (options.rootKey === undefined) refuseOpenHost(host);
  const closers: Closer[] = [];
  try {
    closers.push(lockState(stateFolder));
    await endOrphans(stateFolder);
    const script = bundleWorker();
    const [python, mcpUrls] = await allOf([
      startPython(options, closers),
      startMcp(options.mcpServers, { stateFolder, log }, closers),
    ]);
    const settings = settingsFor({
      ...python,
      mcpUrls,
      urls: urlsIn(options),
      rootKey: options.rootKey,
      secretKey: secretKeyOf(stateFolder, process.env["GLEITZEIT_SECRET_KEY"] || undefined),
    });
    const workerd = await startWorkerd({ host, port, stateFolder }, { script, settings }, log);
    closers.push(noteWorkerd(stateFolder));
    closers.push(() => workerd.close());
    await untilHealthy(workerd.url);
    closers.push(startTicking(workerd));
    return { url: workerd.url, close: () => closeAll(closers) };
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

type Closer = () => void | Promise<void>;

/** In the order opposite to starting; what fails to close does not keep the rest open. */
async function closeAll(closers: Closer[]): Promise<void> {
  for (const closer of closers.splice(0).reverse()) {
    try {
      await closer();
    } catch (error) {
      console.error("closing the service:", error);
    }
  }
}

/** Like `Promise.all`, but waits for all of them also when one fails: what is being started can then be closed. */
async function allOf<Values extends unknown[]>(
  started: [...Values],
): Promise<{ -readonly [Key in keyof Values]: Awaited<Values[Key]> }> {
  await Promise.allSettled(started);
  return await Promise.all(started);
}

function refuseOpenHost(host: string): void {
  if (LOOPBACK.includes(host)) return;
  throw new Error(
    `refusing to listen on ${host} without a key: everybody there could run code on this machine; ` +
      `set GLEITZEIT_ROOT_KEY, or use ${HOST_DEFAULT}`,
  );
}

function urlsIn({ ollamaUrls, mcpUrls, pythonUrls }: ServiceOptions): Told["urls"] {
  return {
    ...(ollamaUrls && { ollama: ollamaUrls }),
    ...(mcpUrls && { mcp: mcpUrls }),
    ...(pythonUrls && { python: pythonUrls }),
  };
}

/** Nobody but this service may run scripts: where no secret is set, there is a new one at every start. */
async function startPython(
  { python, sandbox, network, log = console.error }: ServiceOptions,
  closers: Closer[],
): Promise<Pick<Told, "runnerUrl" | "runnerSecret">> {
  const given = process.env["GLEITZEIT_RUNNER_SECRET"] || undefined;
  if (python === false) return { runnerUrl: undefined, runnerSecret: given };
  const secret = given ?? randomBytes(32).toString("hex");
  const runner = await startRunner({
    port: 0,
    secret,
    warn: log,
    ...(sandbox === undefined ? {} : { sandbox }),
    ...(network === undefined ? {} : { network }),
  }).catch((cause) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${reason}; or start without Python tasks: --no-python`, { cause });
  });
  closers.push(() => runner.close());
  return { runnerUrl: runner.url, runnerSecret: secret };
}

async function startMcp(
  start: ServiceOptions["mcpServers"],
  place: McpPlace,
  closers: Closer[],
): Promise<Record<string, string>> {
  const servers = await start?.(place);
  if (servers === undefined) return {};
  closers.push(() => servers.close());
  return servers.urls;
}

/** The Worker's cron triggers; the first says that all executors there were are gone. */
function startTicking(workerd: Workerd): Closer {
  let isOver = false;
  const fire = (cron: string) =>
    workerd.fire(cron).catch((error) => {
      // What is at work when the service ends is cut off: the next start does it again.
      if (!isOver) console.error("the Worker's schedule failed:", error);
    });
  void fire("started");
  const timer = setInterval(() => void fire("* * * * *"), TICK_MS);
  return () => {
    isOver = true;
    clearInterval(timer);
  };
}

async function untilHealthy(url: string): Promise<void> {
  const signal = AbortSignal.timeout(HEALTH_MS);
  let last = "no answer";
  while (!signal.aborted) {
    const answer = await fetch(`${url}/health`, { signal }).catch((error: Error) => error);
    if (answer instanceof Response && answer.ok) return;
    last = answer instanceof Response ? `${answer.status} ${await answer.text()}` : answer.message;
    await delay(HEALTH_PAUSE_MS);
  }
  throw new Error(`${url}/health does not answer 200 within ${HEALTH_MS / 1000} s: ${last.slice(0, 300)}`);
}
