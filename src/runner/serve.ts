import type { IncomingMessage, ServerResponse } from "node:http";
import type { Desk } from "./desk.ts";
import { type Refusal, refusalOf } from "./guard.ts";
import { sendJson, sendRefusal } from "./http.ts";
import { SCRIPT_METHODS } from "./methods.ts";
import { servePost } from "./post.ts";
import { messageOf } from "./rpc.ts";

/** Answers one HTTP request; it never throws. */
export async function serve(request: IncomingMessage, response: ServerResponse, desk: Desk): Promise<void> {
  const path = request.url?.split("?", 1)[0] ?? "";
  if (path === "/health") return serveHealth(request, response, desk);
  const refusal = refusalOfRoute(path, request.method) ?? refusalOf(request.headers, desk.secret);
  if (refusal) return sendRefusal(response, refusal);

  const controller = new AbortController();
  response.once("close", () => controller.abort()); // a caller that leaves takes its script along
  const work = servePost(request, response, desk, controller.signal).catch((thrown) => {
    if (!response.headersSent) sendRefusal(response, { status: 500, message: messageOf(thrown) });
    else response.destroy();
  });
  desk.posts.set(controller, work);
  await work;
  desk.posts.delete(controller);
}

function serveHealth(request: IncomingMessage, response: ServerResponse, desk: Desk) {
  if (request.method !== "GET" && request.method !== "HEAD") return sendRefusal(response, onlyBy("GET"));
  const { python, sandbox, maxConcurrent, running } = desk;
  sendJson(response, 200, {
    status: "ok",
    python,
    sandbox: sandbox.kind,
    methods: SCRIPT_METHODS,
    maxConcurrent,
    running,
  });
}

function refusalOfRoute(path: string, method: string | undefined): Refusal | undefined {
  if (path !== "/" && path !== "/rpc") {
    return { status: 404, message: `nothing at ${path}; post JSON-RPC to /, or get /health` };
  }
  return method === "POST" ? undefined : onlyBy("POST");
}

const onlyBy = (method: string): Refusal => ({
  status: 405,
  message: `use ${method} here`,
  headers: { allow: method },
});
