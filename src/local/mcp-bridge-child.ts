/** What an MCP server says over stdio, message by message, and why it ended. */
import type { Readable } from "node:stream";
import { LIMITS } from "./mcp-bridge-limits.ts";
import { type Line, splitLines } from "./mcp-bridge-lines.ts";
import { type Message, parseMessage } from "./mcp-bridge-message.ts";
import { endGroup, type StdioServer, spawnServer } from "./mcp-bridge-process.ts";

export type Child = {
  /** Undefined where it could not be started. */
  pid: number | undefined;
  send(message: Message): void;
  /** Why it ended, with what it said last; it never rejects. */
  ended: Promise<string>;
  /** Ends it with all that it started. `why` is what `ended` then tells. */
  stop(why: string): Promise<void>;
};

export type Hearing = {
  onMessage(message: Message): void;
  /** What it says on standard error, or on standard output without being a message. */
  onLine(text: string): void;
};

export function startChild(server: StdioServer, hearing: Hearing): Child {
  const { child, ended: exited } = spawnServer(server);
  if (child === undefined) return { pid: undefined, send: () => {}, ended: exited, stop: async () => {} };
  let reason: string | undefined;
  let lastLines: string[] = [];

  const stop = async (why: string) => {
    reason ??= why;
    await endGroup(child);
    await ended;
  };

  function hearNoise({ text, isCut }: Line): void {
    const isLong = isCut || text.length > LIMITS.lineChars;
    const line = isLong ? `${text.slice(0, LIMITS.lineChars)} …` : text;
    lastLines = [...lastLines, line].slice(-LIMITS.lastLines);
    hearing.onLine(line);
  }

  function hear(line: Line): void {
    if (line.isCut) return void stop(`it sent a message of more than ${LIMITS.messageBytes} bytes`);
    const message = parseMessage(line.text);
    if (message === undefined) hearNoise(line);
    else hearing.onMessage(message);
  }

  hearLines(child.stdout, splitLines(LIMITS.messageBytes, hear));
  hearLines(child.stderr, splitLines(4 * LIMITS.lineChars, hearNoise));
  const ended = exited.then((how) => reason ?? withLines(how, lastLines));

  const send = (message: Message) => void child.stdin.write(`${JSON.stringify(message)}\n`);
  return { pid: child.pid, send, ended, stop };
}

function hearLines(stream: Readable, take: (piece: Buffer) => void): void {
  stream.on("data", take);
  stream.once("end", () => take(Buffer.from("\n"))); // last words need no line end
}

function withLines(how: string, lines: string[]): string {
  const said = lines.join(" | ");
  if (said === "") return how;
  const kept = said.length > LIMITS.reasonChars ? `… ${said.slice(-LIMITS.reasonChars)}` : said;
  return `${how}; it said last: ${kept}`;
}
