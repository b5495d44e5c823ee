/** One call of a JSON-RPC 2.0 endpoint over HTTP. https://www.jsonrpc.org/specification */
import * as z from "zod";
import type { Json, JsonObject } from "../contract/json.ts";
import { ask } from "./ask.ts";
import { type Advice, junkAnswer, nameOf, ProviderError, quote } from "./failure.ts";
import type { Reach } from "./provider.ts";
import { readErrorText, readJson } from "./read.ts";
import { refusalOf } from "./refusal.ts";
import { codeOfRpcError, MAPPED_STATUSES, parsedJson } from "./rpc-code.ts";

/** `idempotencyKey` is the request's id: the same for a try that is made again because its attempt was lost. */
export type RpcReach = Reach & { idempotencyKey: string };

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
  return new ProviderError(codeOfRpcError(code), text, { details: { rpcCode: code } });
}
