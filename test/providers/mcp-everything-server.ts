/** The reference server of MCP, which has every feature of the session revisions, over Streamable HTTP. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { deadUrl as freeUrl } from "./http-server.ts";

export const EVERYTHING = fileURLToPath(
  import.meta.resolve("@modelcontextprotocol/server-everything/dist/index.js"),
);

export async function startEverything(): Promise<{ url: string; close(): void }> {
  // It takes no port of its own choice.
  const url = await freeUrl();
  const server = spawn(process.execPath, [EVERYTHING, "streamableHttp"], {
    env: { ...process.env, PORT: new URL(url).port },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  for await (const line of createInterface(server.stderr)) {
    if (line.includes("listening on port")) break;
  }
  server.stderr.resume();
  const close = () => void (server.pid !== undefined && process.kill(-server.pid, "SIGKILL"));
  return { url: `${url}/mcp`, close };
}
