/** A stdio MCP server of a few lines, for what a well-behaved one does not do. Run by `node`, not by vitest. */
import { createInterface } from "node:readline";

const say = (message: object) => process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
const note = (line: string) => process.stderr.write(`${line}\n`);
/** Who called `ask`, by the id of what it was asked back. */
const asked = new Map<unknown, unknown>();

const TOOLS: Record<string, (id: unknown) => void> = {
  /** Never answers. */
  hang: (id) => note(`hangs at ${id}`),
  crash: () => {
    note("out of cheese");
    process.exitCode = 3;
    process.stdin.destroy();
  },
  /** Answers with what it is told when it asks its client for something. */
  ask: (id) => {
    asked.set("question", id);
    say({ id: "question", method: "roots/list" });
  },
  ping: (id) => {
    asked.set("ping", id);
    say({ id: "ping", method: "ping" });
  },
  environment: (id) => say({ id, result: text(Object.keys(process.env).sort().join(" ")) }),
  arguments: (id) => say({ id, result: text(process.argv.slice(2).join(" ")) }),
  /** Says a number of bytes without a line's end. */
  flood: () => process.stdout.write("x".repeat(17 * 1024 * 1024)),
  pid: (id) => say({ id, result: text(String(process.pid)) }),
};

if (process.argv.includes("stubborn")) process.on("SIGTERM", () => note("no"));
if (process.argv.includes("stubborn")) setInterval(() => {}, 1000);
process.stdout.write("Welcome to the server!\n");
createInterface({ input: process.stdin }).on("line", (line) => hear(JSON.parse(line)));

type Heard = { id?: unknown; method?: string; params?: { name?: string; requestId?: unknown } };

function hear(message: Heard & Record<string, unknown>): void {
  const { id, method, params } = message;
  if (method === undefined)
    say({ id: asked.get(id), result: text(JSON.stringify(message["error"] ?? message["result"])) });
  if (method === "initialize") say({ id, result: handshake() });
  if (method === "notifications/cancelled") note(`cancelled ${params?.requestId}`);
  if (method === "tools/list") say({ id, result: { tools: [] } });
  if (method === "tools/call") TOOLS[params?.name ?? ""]?.(id);
}

function handshake() {
  const capabilities = { tools: { listChanged: true } };
  return { protocolVersion: "2025-06-18", capabilities, serverInfo: { name: "small", version: "1" } };
}

const text = (content: string) => ({ content: [{ type: "text", text: content }] });
