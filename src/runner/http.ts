import type { IncomingMessage, ServerResponse } from "node:http";
import type { Refusal } from "./guard.ts";
import { failed, RPC_CODES, type RpcId } from "./rpc.ts";

/**
 * The whole body, or undefined where it is longer than allowed. It is read to its end even then, though not kept: a
 * client answered while it still sends sees a broken connection instead of the answer.
 */
export async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request) {
    bytes += piece.length;
    if (bytes <= bytesMax) pieces.push(piece);
    else pieces.length = 0;
  }
  return bytes <= bytesMax ? Buffer.concat(pieces) : undefined;
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/**
 * Server-defined JSON-RPC codes lie from -32099 to -32000; ours end in the last digits of the HTTP status. To a caller
 * these are failures of its script, so what is none has the code that JSON-RPC itself has for it.
 */
export function sendRefusal(
  response: ServerResponse,
  { status, message, headers }: Refusal,
  id: RpcId = null,
) {
  sendJson(response, status, failed(id, codeFor(status), message), headers);
}

function codeFor(status: number): number {
  if (status === 500) return RPC_CODES.internal;
  return status === 404 ? RPC_CODES.invalidRequest : -32000 - (status % 100);
}
