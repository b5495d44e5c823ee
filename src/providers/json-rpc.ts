/** One call of a JSON-RPC 2.0 endpoint over HTTP. https://www.jsonrpc.org/specification */
import * as z from "zod";
import type { ErrorCode } from "../contract/error.ts";
import type { Json, JsonObject } from "../contract/json.ts";
import { ask } from "./ask.ts";
import { type Advice, junkAnswer, nameOf, ProviderError, quote } from "./failure.ts";
import type { Context } from "./provider.ts";
import { readJson } from "./read.ts";
import { accepted } from "./refusal.ts";

// What JSON.parse made is JSON; looking through 8 MiB of it again would take longer than parsing it did.
const parsedJson = z.custom<Json>((value) => value !== undefined);

const answer = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string(), z.number(), z.null()]),
  result: parsedJson.optional(),
  error: z.object({ code: z.number(), message: z.string() }).optional(),
});
type RpcError = { code: number; message: string };

/** The request's id is the idempotency key: the same for a try that is made again because its attempt was lost. */
export async function callJsonRpc(
  context: Context,
  method: string,
  params: JsonObject,
  advice: Advice,
): Promise<Json> {
  const id = context.idempotencyKey;
  const body = { jsonrpc: "2.0", id, method, params };
  const response = await accepted(context, await ask(context, { path: "", body, advice }), advice);
  const said = await readJson(context, response, answer, "a JSON-RPC 2.0 response");
  if (said.error !== undefined) throw failureOf(context, method, said.error);
  if (said.id !== id || said.result === undefined) {
    throw junkAnswer(context, `the JSON-RPC response to "${id}"`, JSON.stringify(said));
  }
  return said.result;
}

function failureOf(context: Context, method: string, { code, message }: RpcError): ProviderError {
  const text = `${nameOf(context)}: ${method} failed (JSON-RPC ${code}): ${quote(context, message)}`;
  return new ProviderError(codeFor(code), text, { details: { rpcCode: code } });
}

function codeFor(rpcCode: number): ErrorCode {
  if (rpcCode === -32602) return "invalid_params";
  if (rpcCode === -32601) return "unknown_method";
  if (rpcCode === -32600 || rpcCode === -32700) return "provider_rejected";
  // −32603 and the server's own: the server failed, not what it was asked to do.
  const isServer = rpcCode === -32603 || (rpcCode >= -32099 && rpcCode <= -32000);
  return isServer ? "provider_unavailable" : "tool_failed";
}
