/** One call of a JSON-RPC 2.0 endpoint over HTTP. https://www.jsonrpc.org/specification */
import * as z from "zod";
import type { ErrorCode } from "../contract/error.ts";
import type { Json, JsonObject } from "../contract/json.ts";
import { ask } from "./ask.ts";
import { type Advice, junkAnswer, nameOf, ProviderError, quote } from "./failure.ts";
import type { Reach } from "./provider.ts";
import { readErrorText, readJson } from "./read.ts";
import { refusalOf } from "./refusal.ts";

/** `idempotencyKey` is the request's id: the same for a try that is made again because its attempt was lost. */
export type RpcReach = Reach & { idempotencyKey: string };

// What JSON.parse made is JSON; looking through 8 MiB of it again would take longer than parsing it did.
const parsedJson = z.custom<Json>((value) => value !== undefined);

const answer = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string(), z.number(), z.null()]),
  result: parsedJson.optional(),
  // The specification has no null here; servers that always write both keys do.
  error: z.object({ code: z.number(), message: z.string() }).nullish(),
});
type Answer = z.infer<typeof answer>;

/** An error of the server's is a `ProviderError` with the code in `details.rpcCode`. */
export async function callJsonRpc(
  reach: RpcReach,
  method: string,
  params: JsonObject,
  advice: Advice,
): Promise<Json> {
  const id = reach.idempotencyKey;
  const body = { jsonrpc: "2.0", id, method, params };
  const response = await ask(reach, { path: "", body, advice });
  const said = response.ok
    ? await readJson(reach, response, answer, "a JSON-RPC 2.0 response")
    : await readError(reach, response, advice);
  // An error has no id where the server could not read the request's.
  const isOurs = said.id === id || (said.id === null && said.error);
  if (isOurs && said.error) throw failureOf(reach, method, said.error);
  if (!isOurs || said.result === undefined) {
    throw junkAnswer(reach, `the JSON-RPC response to "${id}"`, JSON.stringify(said));
  }
  return said.result;
}

// With these a server that maps its own errors to HTTP says no more than the error in the body does. Any other status
// comes from the way to it, or says when to come again.
const MAPPED_STATUSES = [400, 404, 422, 500];

async function readError(reach: Reach, response: Response, advice: Advice): Promise<Answer> {
  const text = await readErrorText(reach, response);
  const said = MAPPED_STATUSES.includes(response.status) ? findAnswer(text) : undefined;
  if (said?.error) return said;
  throw refusalOf(reach, response, advice, text);
}

function findAnswer(text: string): Answer | undefined {
  try {
    return answer.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function failureOf(
  reach: Reach,
  method: string,
  { code, message }: NonNullable<Answer["error"]>,
): ProviderError {
  const text = `${nameOf(reach)}: ${method} failed (JSON-RPC ${code}): ${quote(reach, message)}`;
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
