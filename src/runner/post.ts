import type { IncomingMessage, ServerResponse } from "node:http";
import type { Desk } from "./desk.ts";
import type { Refusal } from "./guard.ts";
import { readBody, sendRefusal } from "./http.ts";
import { LIMITS } from "./limits.ts";
import { answerEntry, takesSlot } from "./methods.ts";
import { parseMessage, type RpcAnswer, type RpcId, type RpcMessage } from "./rpc.ts";

/** Answers a post that was let in, with what its calls return. */
export async function servePost(
  request: IncomingMessage,
  response: ServerResponse,
  desk: Desk,
  signal: AbortSignal,
): Promise<void> {
  const body = await readBody(request, LIMITS.bodyBytes);
  if (body === undefined) return sendRefusal(response, tooLarge);
  const message = parseMessage(body);
  const slots = message.entries.some(takesSlot) ? 1 : 0;
  if (desk.running + slots > desk.maxConcurrent) return sendRefusal(response, busy(desk), idOf(message));

  const isAnswered = message.entries.some((entry) => entry.kind === "invalid" || entry.id !== undefined);
  desk.running += slots;
  // Headers go before the work: for a caller at the edge, a connection without them counts against its six.
  if (isAnswered) response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
  const answers = await answerAll(message, desk, signal).finally(() => {
    desk.running -= slots;
  });
  if (isAnswered) response.end(JSON.stringify(message.isBatch ? answers : answers[0]));
  else response.writeHead(204).end();
}

/** One after the other: a batch holds one slot, however long it is. */
async function answerAll(message: RpcMessage, desk: Desk, signal: AbortSignal): Promise<RpcAnswer[]> {
  const answers: RpcAnswer[] = [];
  for (const entry of message.entries) {
    if (signal.aborted) break; // nobody is there to read them
    const answer = await answerEntry(entry, desk, signal);
    if (answer) answers.push(answer);
  }
  return answers;
}

function idOf({ isBatch, entries: [first] }: RpcMessage): RpcId {
  return !isBatch && first?.kind === "call" ? (first.id ?? null) : null;
}

const tooLarge: Refusal = {
  status: 413,
  message: `the body is larger than ${LIMITS.bodyBytes} bytes; send less, or split the work`,
};

const busy = ({ maxConcurrent }: Desk): Refusal => ({
  status: 429,
  message: `all ${maxConcurrent} slots are running scripts; try again in a second`,
  headers: { "retry-after": "1" },
});
