import { createServer, type Server } from "node:http";
import { availableParallelism } from "node:os";
import { chooseSandbox, type SandboxWish } from "./choose.ts";
import type { Desk } from "./desk.ts";
import { refuseOpenHost } from "./guard.ts";
import { LIMITS } from "./limits.ts";
import { packagesOnce } from "./packages.ts";
import type { SandboxKind } from "./sandbox.ts";
import { serve } from "./serve.ts";

export type RunnerOptions = SandboxWish & {
  /** Default 127.0.0.1; any other than loopback needs a secret. */
  host?: string;
  /** Default 8765; 0 takes any free one. */
  port?: number;
  secret?: string;
  /** Scripts at a time; default: one per CPU, at least 4. */
  maxConcurrent?: number;
  /** Address space of one process of a script; default 1 GiB. */
  memoryBytes?: number;
  /** Is told in one line where scripts run without a sandbox that nobody asked to leave out; default: standard error. */
  warn?: (line: string) => void;
};

export type Runner = { url: string; port: number; sandbox: SandboxKind; close(): Promise<void> };

/**
 * Serves python/execute over JSON-RPC and HTTP until it is closed, which also ends all scripts.
 *
 * @example
 * const runner = await startRunner({ port: 0 });
 * await fetch(runner.url, { method: "POST", headers: { "content-type": "application/json" }, body });
 * await runner.close();
 */
export async function startRunner(options: RunnerOptions = {}): Promise<Runner> {
  const host = options.host ?? "127.0.0.1";
  refuseOpenHost(host, options.secret);
  const desk = await openDesk(options);
  const server = createServer((request, response) => void serve(request, response, desk));
  const port = await listen(server, options.port ?? LIMITS.port, host);
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { url, port, sandbox: desk.sandbox.kind, close: () => close(server, desk) };
}

async function openDesk(options: RunnerOptions): Promise<Desk> {
  const maxConcurrent = options.maxConcurrent ?? Math.max(LIMITS.concurrentLeast, availableParallelism());
  if (!Number.isInteger(maxConcurrent) || maxConcurrent < 1) {
    throw new Error(`maxConcurrent is ${maxConcurrent}; it must be a whole number from 1`);
  }
  const memoryBytes = options.memoryBytes ?? LIMITS.memoryBytes;
  const { sandbox, python } = await chooseSandbox(options, memoryBytes, options.warn ?? console.error);
  const packages = packagesOnce({ sandbox, memoryBytes });
  const { secret } = options;
  return { sandbox, python, packages, memoryBytes, secret, maxConcurrent, posts: new Map(), running: 0 };
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => reject(new Error(listenProblem(cause, port, host), { cause })));
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

function listenProblem(cause: Error, port: number, host: string): string {
  const isTaken = "code" in cause && cause.code === "EADDRINUSE";
  return isTaken
    ? `port ${port} on ${host} is taken; end what listens there, or choose another with --port (0: any free one)`
    : `cannot listen on ${host}, port ${port}: ${cause.message}`;
}

/** Callers see their connection break, which they may try again elsewhere; an answer would be the script's failure. */
async function close(server: Server, desk: Desk): Promise<void> {
  server.close();
  const posts = [...desk.posts];
  for (const [controller] of posts) controller.abort();
  server.closeAllConnections();
  await Promise.all(posts.map(([, work]) => work));
}
