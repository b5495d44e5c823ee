/** JSON-RPC messages of MCP, as far as a bridge has to know them: what else they hold is passed on as it is. */
import * as z from "zod";

const id = z.union([z.string(), z.number()]);
const params = z.looseObject({ _meta: z.looseObject({ progressToken: id.optional() }).optional() });

const message = z.looseObject({
  jsonrpc: z.literal("2.0"),
  // Null in an answer to what could not be read.
  id: id.nullish(),
  method: z.string().optional(),
  params: params.optional(),
});
export type Message = z.infer<typeof message>;
export type MessageId = z.infer<typeof id>;
export type Request = Message & { id: MessageId; method: string };

export const METHOD_NOT_FOUND = -32601;
export const SERVER_ERROR = -32000;

/** Undefined: it is no JSON-RPC message; lists of messages are none since revision 2025-06-18. */
export function parseMessage(text: string): Message | undefined {
  try {
    return message.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // no JSON
  }
}

export const isRequest = (value: Message): value is Request =>
  value.method !== undefined && value.id !== undefined && value.id !== null;

export function resultOf(to: MessageId, result: object): Message {
  return { jsonrpc: "2.0", id: to, result };
}

export function errorOf(to: MessageId | null, code: number, text: string): Message {
  return { jsonrpc: "2.0", id: to, error: { code, message: text } };
}

/** The id of the request that a `notifications/cancelled` means, or the token that progress is of. */
export function idIn(value: Message, key: "requestId" | "progressToken"): MessageId | undefined {
  return id.safeParse(value.params?.[key]).data;
}
