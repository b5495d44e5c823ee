/** Bridges to real stdio servers for tests, and official clients that speak to them. */

import { fileURLToPath as pathOf } from "node:url";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { onTestFinished } from "vitest";
import * as z from "zod";
import { startBridge } from "../../src/local/mcp-bridge.ts";
import type { StdioServer } from "../../src/local/mcp-bridge-process.ts";
import { ROOT } from "../e2e/process.ts";

export const EVERYTHING = stdioServer(`${ROOT}node_modules/.bin/mcp-server-everything`, "stdio");
export const SMALL = stdioServer(process.execPath, pathOf(new URL("./mcp-stdio-server.ts", import.meta.url)));

export const STATELESS = stdioServer(
  process.execPath,
  pathOf(new URL("./mcp-stateless-server.ts", import.meta.url)),
);

export function stdioServer(command: string, ...args: string[]): StdioServer {
  return { command, args, env: {}, cwd: ROOT };
}

/** Closed when the test ends. `untilLogged` waits for a line, which may have been logged before. */
export async function bridgeTo(server: StdioServer, now?: () => number) {
  const log = startLog();
  const bridge = await startBridge("files", server, { log: log.log, ...(now === undefined ? {} : { now }) });
  onTestFinished(bridge.close);
  return { ...bridge, ...log };
}

export function startLog() {
  const lines: string[] = [];
  let wake = Promise.withResolvers<void>();
  function log(line: string): void {
    lines.push(line);
    wake.resolve();
    wake = Promise.withResolvers();
  }
  async function untilLogged(wanted: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const awake = wake.promise;
      const found = lines.map((line) => wanted.exec(line)).find((match) => match !== null);
      if (found) return found;
      await awake;
    }
  }
  return { lines, log, untilLogged };
}

export async function connect(url: string, mode: "auto" | "legacy" = "auto"): Promise<Client> {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  onTestFinished(() => client.close());
  return client;
}

/** A message as any program would post it. */
export function post(url: string, message: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const accept = "application/json, text/event-stream";
  const body = typeof message === "string" ? message : JSON.stringify(message);
  return fetch(url, {
    method: "POST",
    headers: { accept, "content-type": "application/json", ...headers },
    body,
  });
}

export const callOf = (name: string, id: unknown = 1) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: {} },
});

const answer = z.object({
  id: z.unknown(),
  result: z.object({ content: z.tuple([z.object({ text: z.string() })]) }).optional(),
  error: z.object({ code: z.number(), message: z.string() }).optional(),
});

/** The id and the text of a tool's result, or of the error. */
export async function answerOf(response: Response) {
  const { id, result, error } = answer.parse(await response.json());
  return { id, text: result?.content[0].text ?? error?.message ?? "", code: error?.code };
}

export const textOf = async (response: Response): Promise<string> => (await answerOf(response)).text;
