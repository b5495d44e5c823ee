/** One life of a stdio MCP server, from its start to its end: the handshake, then the requests of all who ask it. */
import { setTimeout as delay } from "node:timers/promises";
import { type Asker, type Calls, openCalls } from "./mcp-bridge-calls.ts";
import { type Child, startChild } from "./mcp-bridge-child.ts";
import { type Handshake, INITIALIZE, parseHandshake } from "./mcp-bridge-handshake.ts";
import { LIMITS } from "./mcp-bridge-limits.ts";
import {
  errorOf,
  isRequest,
  METHOD_NOT_FOUND,
  type Message,
  type Request,
  resultOf,
} from "./mcp-bridge-message.ts";
import type { StdioServer } from "./mcp-bridge-process.ts";

export type Life = {
  /** Undefined where it could not be started. */
  pid: number | undefined;
  /** What it answered to `initialize`; undefined for one without a handshake (revision 2026-07-28). */
  ready: Promise<Handshake | undefined>;
  /** Its answer; refused with 502 where it ends meanwhile. */
  ask: Calls["ask"];
  cancel: Calls["cancel"];
  /** Why it ended; it never rejects. */
  ended: Promise<string>;
  stop: Child["stop"];
};

export function startLife(server: StdioServer, onLine: (line: string) => void): Life {
  const child = startChild(server, { onMessage: hear, onLine });
  const calls = openCalls(child.send);
  const ended = child.ended.then((reason) => {
    calls.end(reason);
    return reason;
  });
  function hear(message: Message): void {
    if (isRequest(message)) child.send(answerTo(message));
    else calls.hear(message);
  }
  const ready = shakeHands(child, calls);
  void endSilent(child, ready);
  return { pid: child.pid, ready, ask: calls.ask, cancel: calls.cancel, ended, stop: child.stop };
}

/** Nothing can be asked of Gleitzeit by its servers, but whether it is there. */
function answerTo({ id, method }: Request): Message {
  if (method === "ping") return resultOf(id, {});
  return errorOf(id, METHOD_NOT_FOUND, `${method} is not offered by Gleitzeit`);
}

async function shakeHands(child: Child, calls: Calls): Promise<Handshake | undefined> {
  const { signal } = new AbortController(); // a handshake is never cancelled
  const asker: Asker = { session: undefined, signal, onProgress: () => {} };
  const handshake = parseHandshake(await calls.ask(INITIALIZE, asker));
  if (handshake !== undefined) child.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  return handshake;
}

async function endSilent(child: Child, ready: Promise<unknown>): Promise<void> {
  const late = delay(LIMITS.handshakeMs, "late" as const, { ref: false });
  const first = await Promise.race([late, ready.catch(() => "ended")]);
  if (first === "late") await child.stop(`it did not answer within ${LIMITS.handshakeMs / 1000} s`);
}
