/** Reading an answer's body: counted while it comes, ended at once by the signal or at the limit. */
import type * as z from "zod";
import { LIMITS } from "../contract/limits.ts";
import { junkAnswer, nameOf, ProviderError, tooLarge } from "./failure.ts";
import type { Reach } from "./provider.ts";

// What stands around a result: JSON-RPC's own keys, a model's name and counts.
const ENVELOPE_BYTES = 64 * 1024;

/** The pieces of a body. Leaving the loop early closes the connection, so that the provider stops working. */
export async function* readPieces(
  reach: Reach,
  response: Response,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  const { signal } = reach;
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  const cancel = () => void reader.cancel().catch(() => {}); // broken already: nothing to close
  signal.addEventListener("abort", cancel);
  try {
    for (let bytes = 0; ; ) {
      signal.throwIfAborted();
      const { done, value } = await reader.read().catch(() => {
        throw signal.aborted ? signal.reason : brokenOff(reach);
      });
      // A cancelled reader says `done`.
      signal.throwIfAborted();
      if (done) return;
      bytes += value.byteLength;
      if (bytes > bytesMax) throw tooLarge(reach, bytesMax);
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}

async function readText(reach: Reach, response: Response, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of readPieces(reach, response, bytesMax))
    text += decoder.decode(piece, { stream: true });
  return text + decoder.decode();
}

/** A body that must be JSON of this shape; `expected` says what it is called. */
export async function readJson<T>(
  reach: Reach,
  response: Response,
  shape: z.ZodType<T>,
  expected: string,
): Promise<T> {
  const text = await readText(reach, response, LIMITS.resultBytes + ENVELOPE_BYTES);
  try {
    return shape.parse(JSON.parse(text));
  } catch {
    throw junkAnswer(reach, expected, text);
  }
}

/** Lines, without the empty ones. A line longer than the limit has no end worth waiting for. */
export async function* readLines(
  reach: Reach,
  pieces: AsyncIterable<Uint8Array>,
  lineCharsMax: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces) {
    const [first = "", ...others] = decoder.decode(piece, { stream: true }).split("\n");
    // Only what is new is searched: a long line in many pieces costs its length once.
    rest += first;
    if (rest.length > lineCharsMax) throw tooLarge(reach, lineCharsMax);
    for (const line of others) {
      if (rest.trim() !== "") yield rest;
      rest = line;
    }
  }
  rest += decoder.decode();
  if (rest.trim() !== "") yield rest;
}

// An error is read for its first words only, and not waited for longer than a person would.
const ERROR_BYTES = 4096;
const ERROR_WAIT_MS = 5_000;

/** The beginning of an error's body; empty where even that does not come. */
export async function readErrorText(reach: Reach, response: Response): Promise<string> {
  const signal = AbortSignal.any([reach.signal, AbortSignal.timeout(ERROR_WAIT_MS)]);
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const piece of readPieces({ ...reach, signal }, response, Number.POSITIVE_INFINITY)) {
      text += decoder.decode(piece.subarray(0, ERROR_BYTES), { stream: true });
      if (text.length >= ERROR_BYTES) break;
    }
  } catch {
    // The status says enough.
  }
  reach.signal.throwIfAborted();
  return text.slice(0, ERROR_BYTES);
}

function brokenOff(reach: Reach): ProviderError {
  return new ProviderError("stream_broken", `${nameOf(reach)}: its answer broke off; see its log`);
}
