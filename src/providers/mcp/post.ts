/** What is sent to an MCP server: a request, a notification, an answer to what it asks of us. */
import type { Json, JsonObject } from "../../contract/json.ts";
import { ask } from "../ask.ts";
import type { Reach } from "../provider.ts";
import { accepted } from "../refusal.ts";
import { ADVICE } from "./failure.ts";
import { type Connection, headersFor, paramsFor, type Question } from "./revision.ts";

/** The answer as soon as its headers are there, whatever its status. */
export function post(
  reach: Reach,
  connection: Connection,
  question: Question,
  id?: string,
): Promise<Response> {
  const { method } = question;
  const params = paramsFor(connection, question);
  const body: JsonObject = { jsonrpc: "2.0", ...(id === undefined ? {} : { id }), method, params };
  return send(reach, headersFor(connection, question), body);
}

/** Without a body it is a GET. */
export function send(reach: Reach, headers: Record<string, string>, body?: Json): Promise<Response> {
  // For asking only: messages are about the instance's own headers, which are secret, and these are not.
  const instance = { ...reach.instance, headers: { ...reach.instance.headers, ...headers } };
  return ask({ ...reach, instance }, { path: "", ...(body === undefined ? {} : { body }), advice: ADVICE });
}

/** Said without waiting for more than that it was heard. */
export async function notify(reach: Reach, connection: Connection, question: Question): Promise<void> {
  const response = await accepted(reach, await post(reach, connection, question), ADVICE);
  await drop(response);
}

/** Servers ask whether we are there; anything else they would have to ask somebody whom a task does not have. */
export async function answerBack(
  reach: Reach,
  connection: Connection,
  id: string | number,
  method: string,
): Promise<void> {
  const error = { code: -32601, message: `Gleitzeit answers no ${method}` };
  const answer: JsonObject = method === "ping" ? { result: {} } : { error };
  const headers = headersFor(connection, { method: "", params: {} });
  await drop(await send(reach, headers, { jsonrpc: "2.0", id, ...answer }));
}

/** A body that nobody reads holds its connection. */
export async function drop(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {}); // broken already: nothing to close
}
