/** Real HTTP servers that behave as a test says, and close with it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { onTestFinished } from "vitest";

export type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

export type TestServer = {
  url: string;
  requests: { path: string; headers: IncomingMessage["headers"] }[];
  /** Resolves when the caller has closed the connection of an answer that was not finished. */
  left: Promise<void>;
};

export async function serveWith(handler: Handler): Promise<TestServer> {
  const requests: TestServer["requests"] = [];
  const { promise: left, resolve: leave } = Promise.withResolvers<void>();
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? "", headers: request.headers });
    response.on("close", () => !response.writableFinished && leave());
    // Answer after the request has come whole: else the caller sees a reset connection.
    let body = "";
    request.setEncoding("utf8").on("data", (piece) => (body += piece));
    request.on("end", () => handler(request, response, body));
  });
  return { url: await openUntil(server, onTestFinished), requests, left };
}

/** Listens on a free port until the test, or with `afterAll` the file, has ended; the server's URL. */
export async function openUntil(server: Server, onEnd: (close: () => void) => void): Promise<string> {
  const url = await listen(server);
  onEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return url;
}

/** A URL where nobody listens. */
export async function deadUrl(): Promise<string> {
  const server = createServer();
  const url = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return url;
}

async function listen(server: Server): Promise<string> {
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(0, "127.0.0.1", resolve);
  await listening;
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
}
