/** Reading the answer to one request, as JSON or as a stream; a stream that broke off is taken up again. */
import { junkAnswer, nameOf, ProviderError } from "../failure.ts";
import type { Progress, Reach } from "../provider.ts";
import { readJson } from "../read.ts";
import { isAnswerTo, type Message, messages } from "./message.ts";
import { answerBack, drop, send } from "./post.ts";
import { type Connection, headersFor } from "./revision.ts";
import { type Resumption, readMessages } from "./stream.ts";

/** Who asks: `report` takes the progress of what was asked, where somebody wants it. */
export type Asker = Reach & { report?: (progress: Progress) => void };

export async function readAnswer(
  asker: Asker,
  connection: Connection,
  response: Response,
  id: string,
): Promise<Message> {
  if (isStream(response)) return readStream(asker, connection, response, id);
  const said = await readJson(asker, response, messages, "an MCP answer");
  const found = said.find((message) => isAnswerTo(id, message));
  if (found === undefined) throw junkAnswer(asker, "the answer to what was asked", JSON.stringify(said));
  return found;
}

function isStream(response: Response): boolean {
  return /^text\/event-stream\b/i.test(response.headers.get("content-type") ?? "");
}

// Where the server does not say.
const RETRY_MS = 1_000;
// A server that closes its streams on purpose and wants to be asked again says something new each time.
const RESUMPTIONS = 1_000;
const RESUMPTIONS_WITHOUT_NEWS = 3;

async function readStream(
  asker: Asker,
  connection: Connection,
  first: Response,
  id: string,
): Promise<Message> {
  const resumption: Resumption = { retryMs: RETRY_MS };
  let response = first;
  for (let resumed = 0, silent = 0; resumed < RESUMPTIONS; resumed++) {
    const heard = resumption.lastEventId;
    const found = await findInStream(asker, connection, response, { id, resumption });
    if (found !== undefined) return found;
    if (resumption.lastEventId === undefined || connection.era === "stateless") break;
    silent = heard === resumption.lastEventId ? silent + 1 : 0;
    if (silent >= RESUMPTIONS_WITHOUT_NEWS) break;
    await pause(resumption.retryMs, asker.signal);
    response = await resume(asker, connection, resumption.lastEventId);
  }
  throw brokenOff(asker);
}

async function findInStream(
  asker: Asker,
  connection: Connection,
  response: Response,
  { id, resumption }: { id: string; resumption: Resumption },
): Promise<Message | undefined> {
  try {
    for await (const message of readMessages(asker, response, resumption)) {
      if (isAnswerTo(id, message)) return message;
      await heed(asker, connection, message, id);
    }
  } catch (thrown) {
    const isBroken = thrown instanceof ProviderError && thrown.code === "stream_broken";
    if (!isBroken) throw thrown;
  }
  return undefined;
}

/** What a server says besides the answer. */
async function heed(asker: Asker, connection: Connection, message: Message, id: string): Promise<void> {
  const { method, params = {} } = message;
  if (method === undefined) return;
  if (message.id !== undefined && message.id !== null) {
    await answerBack(asker, connection, message.id, method);
  } else if (method === "notifications/progress" && params["progressToken"] === id) {
    const { progress, total, message: text } = params;
    if (typeof progress !== "number") return;
    asker.report?.({
      progress,
      ...(typeof total === "number" ? { total } : {}),
      ...(typeof text === "string" ? { message: text } : {}),
    });
  }
}

async function resume(asker: Asker, connection: Connection, lastEventId: string): Promise<Response> {
  const headers = headersFor(connection, { method: "", params: {} });
  const response = await send(asker, {
    ...headers,
    accept: "text/event-stream",
    "last-event-id": lastEventId,
  });
  if (response.ok && isStream(response)) return response;
  await drop(response);
  throw brokenOff(asker);
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    signal.throwIfAborted();
    await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

function brokenOff(reach: Reach): ProviderError {
  return new ProviderError("stream_broken", `${nameOf(reach)}: its answer broke off; see its log`);
}
