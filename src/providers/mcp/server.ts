/** A server as the provider sees it: it answers questions; connections and sessions are seen to here. */
import type { JsonObject } from "../../contract/json.ts";
import { isJsonObject } from "../../contract/json.ts";
import { junkAnswer, nameOf, ProviderError } from "../failure.ts";
import type { Reach } from "../provider.ts";
import type { Asker } from "./answer.ts";
import { connect } from "./connect.ts";
import { exchange } from "./exchange.ts";
import { isForgotten, isUnknownMethod } from "./failure.ts";
import { forget, recall, remember } from "./memory.ts";
import type { Connection, Question } from "./revision.ts";

/** The result. A session that the server has forgotten is begun anew, once. */
export async function askServer(asker: Asker, question: Question): Promise<JsonObject> {
  const connection = await connected(asker);
  try {
    return await resultOf(asker, connection, question);
  } catch (thrown) {
    if (!isForgotten(thrown)) throw thrown;
    forget(asker);
    return resultOf(asker, await connected(asker), question);
  }
}

/** The server, asked for it only where it is not known. */
export async function connected(reach: Reach): Promise<Connection> {
  return recall(reach) ?? (await introduced(reach));
}

/** The server, which has just answered. One with sessions is not begun anew: each would be one more for it to keep. */
export async function greeted(reach: Reach): Promise<Connection> {
  if (recall(reach)?.era !== "session") return introduced(reach);
  await ping(reach);
  return connected(reach);
}

export async function ping(reach: Reach): Promise<void> {
  const { era } = await connected(reach);
  const method = era === "session" ? "ping" : "server/discover";
  await askServer(withoutReport(reach), { method, params: {} }).catch((thrown: unknown) => {
    if (!isUnknownMethod(thrown)) throw thrown;
  });
}

async function introduced(reach: Reach): Promise<Connection> {
  const connection = await connect(withoutReport(reach));
  remember(reach, connection);
  return connection;
}

async function resultOf(asker: Asker, connection: Connection, question: Question): Promise<JsonObject> {
  const { result } = await exchange(asker, connection, question);
  if (!isJsonObject(result)) throw junkAnswer(asker, "an MCP result", JSON.stringify(result));
  if (result["resultType"] === "input_required") throw wantsInput(asker, question);
  return result;
}

function wantsInput(reach: Reach, { method }: Question): ProviderError {
  const message = `${nameOf(reach)}: ${method} asks a person or a model back, which a task cannot answer; give it all it needs`;
  return new ProviderError("provider_rejected", message);
}

/** Progress is that of the call, not of what is asked on the way to it. */
function withoutReport({ signal, fetch, instance }: Reach): Reach {
  return { signal, fetch, instance };
}
