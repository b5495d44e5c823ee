/** One HTTP request to an instance. What goes wrong before an answer is there becomes a failure that says what to do. */
import { codeOf } from "../contract/error.ts";
import type { Json } from "../contract/json.ts";
import { type Advice, nameOf, ProviderError } from "./failure.ts";
import type { Reach } from "./provider.ts";

/** `path` is appended to the instance's URL; with a `body` it is a POST. */
export type Question = { path: string; body?: Json; advice: Advice };

/** The answer as soon as its headers are there, whatever its status. */
export async function ask(reach: Reach, question: Question): Promise<Response> {
  const { fetch } = reach; // as a method of ours, workerd's own would be an illegal invocation
  const url = addressOf(reach, question.path);
  const init = requestOf(reach, question);
  try {
    return await untilAborted(reach.signal, () => fetch(url, init));
  } catch (thrown) {
    if (reach.signal.aborted) throw reach.signal.reason;
    // The executor's fetch may refuse an address; it says so better.
    if (codeOf(thrown) !== "internal") throw thrown;
    const details = { reason: reasonOf(thrown) };
    const message = `${nameOf(reach)} gives no answer (${details.reason}); ${question.advice.start}`;
    // workerd does not tell a refused connection from a broken one; a retry would make the call again as well.
    throw new ProviderError("connection_failed", message, { details, mayRepeat: true });
  }
}

function addressOf(reach: Reach, path: string): string {
  const url = URL.parse(reach.instance.url);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ProviderError("provider_rejected", `${nameOf(reach)}: give it a URL of http or https`);
  }
  if (url.username !== "" || url.password !== "") {
    const message = `${nameOf(reach)}: fetch takes no credentials in a URL; put them into the instance's headers`;
    throw new ProviderError("provider_rejected", message);
  }
  if (path !== "") url.pathname = url.pathname.replace(/\/$/, "") + path;
  return url.href;
}

function requestOf(reach: Reach, { body }: Question): RequestInit {
  const headers = headersOf(reach);
  // A redirect would take headers, and with them secrets, to another place.
  const init = { headers, signal: reach.signal, redirect: "manual" } as const;
  if (body === undefined) return init;
  headers.set("content-type", "application/json");
  return { ...init, method: "POST", body: JSON.stringify(body) };
}

function headersOf(reach: Reach): Headers {
  try {
    return new Headers(reach.instance.headers);
  } catch {
    // The error itself quotes the header.
    const message = `${nameOf(reach)}: one of its headers has characters that HTTP does not allow; register it again`;
    throw new ProviderError("provider_rejected", message);
  }
}

/** `fetch` heeds the signal itself; the executor's may be waiting for one of its six places instead. */
async function untilAborted<T>(signal: AbortSignal, start: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([start(), aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The system's short name (ECONNREFUSED) where there is one; never the message, which may quote a header. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return typeof code === "string" && /^[A-Z_]+$/.test(code) ? code : "no connection";
}
