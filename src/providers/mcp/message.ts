/** JSON-RPC 2.0 as MCP uses it: requests, notifications and answers, in both directions. */
import * as z from "zod";
import { isJsonObject, type JsonObject } from "../../contract/json.ts";
import { parsedJson } from "../rpc-code.ts";

export const parsedObject = z.custom<JsonObject>(isJsonObject);

const rpcError = z.object({ code: z.number(), message: z.string() });
export type RpcError = z.infer<typeof rpcError>;

const message = z.object({
  jsonrpc: z.literal("2.0"),
  id: z.union([z.string(), z.number(), z.null()]).optional(),
  method: z.string().optional(),
  params: parsedObject.optional(),
  result: parsedJson.optional(),
  error: rpcError.nullish(),
});
export type Message = z.infer<typeof message>;

/** One message, or a batch of them, which revision 2025-03-26 allows. */
export const messages = z.union([message.transform((one) => [one]), z.array(message)]);

/** The message in this text; nothing where it is none. */
export function findMessage(text: string): Message | undefined {
  try {
    return message.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Whether it answers our request; an error has no id where the server could not read the request's. */
export function isAnswerTo(id: string, said: Message): boolean {
  if (said.method !== undefined) return false;
  return said.id === id || (said.id === null && Boolean(said.error));
}
