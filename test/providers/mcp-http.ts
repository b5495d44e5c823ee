/** Real HTTP around what takes a `Request` and gives a `Response`. */
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { onTestFinished } from "vitest";
import { openUntil } from "./http-server.ts";

/** Serves it until the test, or the file's last test, has ended; its URL. */
export async function serveFetch(
  handle: (request: Request) => Promise<Response>,
  onEnd: (close: () => void) => void = onTestFinished,
): Promise<string> {
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const headers = new Headers();
    for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value));
    const method = incoming.method ?? "GET";
    const body = method === "GET" ? null : Buffer.concat(chunks);
    const response = await handle(new Request(`http://127.0.0.1${incoming.url}`, { method, headers, body }));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body === null) outgoing.end();
    else Readable.fromWeb(response.body).pipe(outgoing);
  });
  return `${await openUntil(server, onEnd)}/mcp`;
}
