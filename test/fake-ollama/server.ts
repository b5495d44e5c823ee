/**
 * An Ollama server for tests, over real HTTP and true to its documented API; only the model is made up.
 * Its fidelity is checked with the official client (fake-ollama.test.ts).
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isJsonObject, type JsonObject } from "../../src/contract/json.ts";
import {
  type FakeOptions,
  type FakeReply,
  type FakeRequest,
  promptOf,
  type Shop,
  sendJson,
} from "./exchange.ts";
import { generate, pause } from "./generate.ts";
import { embeddingsOf, findModel, listed, loaded, shown } from "./library.ts";
import { pull } from "./pull.ts";
import { makeTrouble } from "./trouble.ts";

export type FakeOllama = {
  url: string;
  /** What was asked of models. */
  requests: FakeRequest[];
  /** How often each path was asked for, whatever the answer. */
  calls: Record<string, number>;
  /** The host goes away: connections break, and new ones are refused. */
  stop(): Promise<void>;
  /** It comes back at the same address, with the models it had. */
  start(): Promise<void>;
  close(): Promise<void>;
};

const BODY_BYTES_MAX = 64 * 1024 * 1024;

export async function startFakeOllama(options: FakeOptions = {}): Promise<FakeOllama> {
  const shop = openShop(options);
  const server = createServer((request, response) => {
    // Whoever leaves while his request is read is not answered.
    serve(shop, request, response).catch(() => response.destroy());
  });
  const listenAt = async (port: number) => {
    const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
    await listening;
    server.off("error", reject);
  };
  const stop = async () => {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
    // What was in memory is gone.
    shop.loaded.clear();
  };
  await listenAt(options.port ?? 0);
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const { requests, calls } = shop;
  const start = () => listenAt(port);
  return { url: `http://127.0.0.1:${port}`, requests, calls, stop, start, close: stop };
}

function openShop(options: FakeOptions): Shop {
  return {
    models: [...(options.models ?? ["llama3.2", "llava"])],
    library: options.library,
    reply: options.reply ?? saidBack,
    replyDelayMs: options.replyDelayMs ?? 0,
    tokenDelayMs: options.tokenDelayMs ?? 0,
    maxConcurrent: options.maxConcurrent ?? Number.POSITIVE_INFINITY,
    trouble: options.trouble ?? (() => undefined),
    fail: options.fail ?? (() => undefined),
    requests: [],
    calls: {},
    running: 0,
    loaded: new Set(),
  };
}

const saidBack = (request: FakeRequest): FakeReply =>
  request.body["format"] === undefined ? `You said: ${promptOf(request)}` : "{}";

async function serve(shop: Shop, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? "";
  const count = (shop.calls[path] ?? 0) + 1;
  shop.calls[path] = count;
  const trouble = shop.trouble({ path, count });
  const isStreamed = path === "/api/chat" || path === "/api/generate";
  // A reset in the middle of tokens is made where they are.
  if (trouble !== undefined && !(trouble === "reset" && isStreamed)) {
    await readBody(request);
    return makeTrouble(trouble, request, response);
  }
  switch (`${request.method} ${path}`) {
    case "GET /":
      return void response.end("Ollama is running");
    case "GET /api/version":
      return sendJson(response, 200, { version: "0.13.0" });
    case "GET /api/tags":
      return sendJson(response, 200, { models: shop.models.map(listed) });
    case "GET /api/ps":
      return sendJson(response, 200, { models: [...shop.loaded].map(loaded) });
    case "POST /api/pull":
      return servePull(shop, request, response);
    case "POST /api/chat":
    case "POST /api/generate":
    case "POST /api/embed":
    case "POST /api/show":
      return serveModel(shop, request, response, trouble === "reset" ? { afterTokens: 1 } : undefined);
    default:
      return void response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found");
  }
}

async function servePull(shop: Shop, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = parseBody(await readBody(request));
  return typeof body === "string" ? sendJson(response, 400, { error: body }) : pull(shop, body, response);
}

async function serveModel(
  shop: Shop,
  request: IncomingMessage,
  response: ServerResponse,
  reset: { afterTokens: number } | undefined,
): Promise<void> {
  const body = parseBody(await readBody(request));
  if (typeof body === "string") return sendJson(response, 400, { error: body });
  const record: FakeRequest = { path: request.url ?? "", body, startedAt: performance.now() };
  shop.requests.push(record);
  shop.running += 1;
  response.once("close", () => {
    shop.running -= 1;
    record.endedAt = performance.now();
    record.aborted = !response.writableFinished;
  });
  if (shop.running > shop.maxConcurrent) return sendJson(response, 503, { error: BUSY });
  const failure = reset ?? shop.fail(record, shop.requests.length);
  if (failure !== undefined && "status" in failure) {
    return sendJson(response, failure.status, { error: failure.error }, failure.headers);
  }
  if (body["model"] === undefined || body["model"] === "") {
    return sendJson(response, 400, { error: "model is required" });
  }
  const model = findModel(shop.models, String(body["model"]));
  if (model === undefined) {
    return sendJson(response, 404, { error: `model '${body["model"]}' not found` });
  }
  if (record.path === "/api/show") return sendJson(response, 200, shown(model));
  shop.loaded.add(model);
  response.once("close", () => body["keep_alive"] === 0 && shop.loaded.delete(model));
  if (record.path !== "/api/embed") return generate(shop, record, response, failure);
  await pause(shop.replyDelayMs);
  return sendJson(response, 200, embeddingsOf(body));
}

const BUSY = "server busy, please try again.  maximum pending requests exceeded";

async function readBody(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    bytes += piece.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`a request of more than ${BODY_BYTES_MAX} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** The body, or what Ollama says against it. Images are bytes to Go's JSON, so it refuses them while it parses. */
function parseBody(text: string): JsonObject | string {
  if (text === "") return "missing request body";
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `invalid character '${text[0]}' looking for beginning of value`;
  }
  if (!isJsonObject(value)) return "json: cannot unmarshal into Go value of type api.ChatRequest";
  const bad = imagesIn(value).find((image) => base64Problem(image) >= 0);
  return bad === undefined ? value : `illegal base64 data at input byte ${base64Problem(bad)}`;
}

function imagesIn(body: JsonObject): string[] {
  const messages = Array.isArray(body["messages"]) ? body["messages"].filter(isJsonObject) : [];
  return [body, ...messages].flatMap(({ images }) => (Array.isArray(images) ? images.map(String) : []));
}

/** Where the text stops being base64, −1 where it does not. */
function base64Problem(image: string): number {
  const text = image.replace(/[\r\n]/g, "");
  const good = /^[A-Za-z0-9+/]*={0,2}/.exec(text)?.[0].length ?? 0;
  if (good < text.length) return good;
  return text.length % 4 === 0 ? -1 : text.length;
}
