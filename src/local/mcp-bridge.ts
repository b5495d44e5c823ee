/** A stdio MCP server made reachable over HTTP, for this machine only and only for who knows the address. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Keeper, type Keeping, keepServer } from "./mcp-bridge-keeper.ts";
import { LIMITS } from "./mcp-bridge-limits.ts";
import { sendRefusal, servePost } from "./mcp-bridge-post.ts";
import type { StdioServer } from "./mcp-bridge-process.ts";
import { BridgeRefusal } from "./mcp-bridge-refusal.ts";

export type Bridge = { url: string; close(): Promise<void> };

/** Resolves when the address is there; the server behind it may still be starting. */
export async function startBridge(name: string, server: StdioServer, keeping: Keeping): Promise<Bridge> {
  // Other users of this machine reach the port, and must not guess the path.
  const path = `/${randomBytes(24).toString("base64url")}/mcp`;
  const keeper = keepServer(name, server, keeping);
  let requests = 0;

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    requests += 1;
    response.once("close", () => {
      requests -= 1;
    });
    try {
      refuse(incoming, path);
      if (requests > LIMITS.requests)
        throw new BridgeRefusal(429, `more than ${LIMITS.requests} requests`, 1000);
      await servePost(incoming, response, keeper);
    } catch (refusal) {
      sendRefusal(response, refusal);
    }
  }

  const http = createServer((incoming, response) => void serve(incoming, response));
  http.maxConnections = LIMITS.connections;
  try {
    const port = await listen(http);
    return { url: `http://127.0.0.1:${port}${path}`, close: () => close(http, keeper) };
  } catch (error) {
    await keeper.close();
    throw error;
  }
}

function refuse({ url, method, headers }: IncomingMessage, path: string): void {
  if (url !== path) throw new BridgeRefusal(404, "nothing here");
  if (headers.origin !== undefined) throw new BridgeRefusal(403, "requests from web pages are refused");
  // No stream of its own, no session to end: both may be refused so (MCP, Streamable HTTP).
  if (method !== "POST") throw new BridgeRefusal(405, "use POST here");
  if (/^application\/json\s*(;|$)/i.test(headers["content-type"] ?? "")) return;
  throw new BridgeRefusal(415, "send the header Content-Type: application/json");
}

async function listen(http: Server): Promise<number> {
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const address = http.address();
  if (typeof address === "object" && address !== null) return address.port;
  throw new Error("the bridge to an MCP server has no port");
}

async function close(http: Server, keeper: Keeper): Promise<void> {
  await keeper.close();
  http.close();
  http.closeAllConnections();
}
