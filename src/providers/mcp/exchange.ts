/** One request to an MCP server and its answer. */
import type { Json } from "../../contract/json.ts";
import { junkAnswer } from "../failure.ts";
import { type Asker, readAnswer } from "./answer.ts";
import { failureOf, refusedBy } from "./failure.ts";
import { notify, post } from "./post.ts";
import type { Connection, Question } from "./revision.ts";

/** `sessionId` is the one that the server gave with this answer. */
export type Answer = { result: Json; sessionId?: string };

export async function exchange(asker: Asker, connection: Connection, question: Question): Promise<Answer> {
  asker.signal.throwIfAborted();
  const id = crypto.randomUUID();
  try {
    return await askOnce(asker, connection, question, id);
  } catch (thrown) {
    // Without a session the closed connection says it.
    const isHeld = connection.era === "session" && question.method !== "initialize";
    if (asker.signal.aborted && isHeld) void tellCancelled(asker, connection, id);
    throw thrown;
  }
}

async function askOnce(
  asker: Asker,
  connection: Connection,
  question: Question,
  id: string,
): Promise<Answer> {
  const response = await post(asker, connection, withToken(asker, question, id), id);
  if (!response.ok) throw await refusedBy(asker, connection, response, question.method);
  const said = await readAnswer(asker, connection, response, id);
  if (said.error) throw failureOf(asker, question.method, said.error);
  if (said.result === undefined) throw junkAnswer(asker, "an MCP answer", JSON.stringify(said));
  const sessionId = response.headers.get("mcp-session-id");
  return sessionId === null ? { result: said.result } : { result: said.result, sessionId };
}

function withToken(asker: Asker, question: Question, id: string): Question {
  return asker.report === undefined
    ? question
    : { ...question, meta: { ...question.meta, progressToken: id } };
}

const NOTICE_MS = 5_000;

async function tellCancelled(asker: Asker, connection: Connection, requestId: string): Promise<void> {
  const question = {
    method: "notifications/cancelled",
    params: { requestId, reason: "no longer wanted" },
  };
  // It was for the server's good: whether it hears is its own affair.
  await notify({ ...asker, signal: AbortSignal.timeout(NOTICE_MS) }, connection, question).catch(() => {});
}
