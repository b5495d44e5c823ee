/** What goes wrong on the way to an Ollama, and at its door. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { sendJson, type Trouble } from "./exchange.ts";

/** A stream that is reset is the caller's to begin: here it is answered with the beginning of some JSON. */
export function makeTrouble(trouble: Trouble, request: IncomingMessage, response: ServerResponse): void {
  switch (trouble) {
    case "500":
      return sendJson(response, 500, { error: "llama runner process has terminated: exit status 2" });
    case "429":
      return sendJson(response, 429, { error: "too many requests" }, { "retry-after": "1" });
    case "junk":
      return void response.writeHead(200, { "content-type": "text/html" }).end(PAGE);
    case "refuse":
      return void request.socket.resetAndDestroy();
    case "reset":
      return void response
        .writeHead(200, { "content-type": "application/json" })
        .write('{"models":[', () => request.socket.resetAndDestroy());
    case "hang":
      return; // until the caller leaves, or the server is stopped
    default:
      throw new Error(`unknown trouble: ${trouble satisfies never}`);
  }
}

const PAGE = "<!doctype html><title>Welcome</title><h1>Something else answers here</h1>";
