/** One POST of Streamable HTTP, answered by the stdio server behind the bridge. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { TIMING } from "../contract/limits.ts";
import { readBody, sendJson } from "../runner/http.ts";
import type { Handshake } from "./mcp-bridge-handshake.ts";
import type { Keeper } from "./mcp-bridge-keeper.ts";
import type { Life } from "./mcp-bridge-life.ts";
import { LIMITS } from "./mcp-bridge-limits.ts";
import {
  errorOf,
  idIn,
  isRequest,
  METHOD_NOT_FOUND,
  type Message,
  type MessageId,
  parseMessage,
  type Request,
  resultOf,
  SERVER_ERROR,
} from "./mcp-bridge-message.ts";
import { BridgeRefusal } from "./mcp-bridge-refusal.ts";

const SESSION_HEADER = "mcp-session-id";

export async function servePost(
  incoming: IncomingMessage,
  response: ServerResponse,
  keeper: Keeper,
): Promise<void> {
  const body = await readBody(incoming, LIMITS.messageBytes);
  if (body === undefined) {
    throw new BridgeRefusal(413, `a message may have ${LIMITS.messageBytes} bytes at most`);
  }
  const message = parseMessage(body.toString("utf8"));
  if (message === undefined) throw new BridgeRefusal(400, "post one JSON-RPC 2.0 message");
  const session = sessionOf(incoming);
  if (isRequest(message))
    return await serveRequest({ incoming, request: message, response, session, keeper });
  if (message.method === "notifications/cancelled") cancel(keeper, session, message);
  // The other notifications are about one client, and the server behind has many: it is not told.
  response.writeHead(202).end();
}

export function sendRefusal(response: ServerResponse, thrown: unknown, id: MessageId | null = null): void {
  const refusal = thrown instanceof BridgeRefusal ? thrown : new BridgeRefusal(500, String(thrown));
  const { status, message, retryAfterMs } = refusal;
  if (response.headersSent) return void response.destroy();
  sendJson(response, status, errorOf(id, SERVER_ERROR, message), {
    ...(retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) }),
    ...(status === 405 ? { allow: "POST" } : {}),
  });
}

type Exchange = {
  incoming: IncomingMessage;
  request: Request;
  response: ServerResponse;
  session: string | undefined;
  keeper: Keeper;
};

async function serveRequest(exchange: Exchange): Promise<void> {
  const { request, response, keeper } = exchange;
  try {
    const life = await keeper.living();
    const answer = answerHere(request, await life.ready);
    if (answer === undefined) return await passOn(exchange, life);
    const headers = request.method === "initialize" ? { [SESSION_HEADER]: randomUUID() } : {};
    sendJson(response, 200, answer, headers);
  } catch (refusal) {
    sendRefusal(response, refusal, request.id);
  }
}

/** The handshake was made when the server was started, and its answer holds for everybody. */
function answerHere({ id, method }: Request, handshake: Handshake | undefined): Message | undefined {
  // What is notified outside of a request has no way to a client.
  if (method === "subscriptions/listen") return notOffered(id, method);
  if (handshake === undefined) return undefined;
  if (method === "initialize") return resultOf(id, handshake);
  return method === "server/discover" ? notOffered(id, method) : undefined;
}

const notOffered = (id: MessageId, method: string): Message =>
  errorOf(id, METHOD_NOT_FOUND, `${method} is not offered`);

/** As a stream where progress was asked for, its headers at once: nobody else's call has to wait for them. */
async function passOn({ incoming, request, response, session }: Exchange, life: Life): Promise<void> {
  const left = new AbortController();
  response.once("close", () => left.abort()); // nobody hears the answer any more
  if (response.destroyed) left.abort();
  const events = wantsProgress(incoming, request) ? openEvents(response) : undefined;
  const onProgress = (message: Message) => events?.send(message);
  const answer = life.ask(request, { session, signal: left.signal, onProgress });
  if (events === undefined) sendJson(response, 200, await answer);
  else events.end(await answer.catch((error) => errorOf(request.id, SERVER_ERROR, error.message)));
}

function wantsProgress({ headers }: IncomingMessage, { params }: Request): boolean {
  const takesEvents = headers.accept?.includes("text/event-stream") === true;
  return takesEvents && params?._meta?.progressToken !== undefined;
}

function openEvents(response: ServerResponse) {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  response.flushHeaders();
  const comments = setInterval(() => response.write(": \n\n"), TIMING.sseCommentMs);
  response.once("close", () => clearInterval(comments));
  const eventOf = (message: Message) => `event: message\ndata: ${JSON.stringify(message)}\n\n`;
  return {
    send(message: Message) {
      if (response.writableLength < LIMITS.unreadBytes) response.write(eventOf(message));
    },
    end: (message: Message) => response.end(eventOf(message)),
  };
}

function sessionOf({ headers }: IncomingMessage): string | undefined {
  const given = headers[SESSION_HEADER];
  return typeof given === "string" ? given : undefined;
}

function cancel(keeper: Keeper, session: string | undefined, message: Message): void {
  const request = idIn(message, "requestId");
  if (session !== undefined && request !== undefined) keeper.cancel(session, request);
}
