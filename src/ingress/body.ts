/** A request's body as text: its media type first, then its bytes, counted while they come. */
import { GleitzeitError } from "../contract/error.ts";
import { LIMITS } from "../contract/limits.ts";
import { toHex } from "./hex.ts";
import { RequestError } from "./problem.ts";

type BodyKind = "json" | "yaml";
/** `digest`: SHA-256 of the bytes, in hex. */
export type Body = { kind: BodyKind; text: string; digest: string };

const KINDS: ReadonlyMap<string, BodyKind> = new Map([
  ["application/json", "json"],
  ["application/yaml", "yaml"],
  ["application/x-yaml", "yaml"],
  ["text/yaml", "yaml"],
]);
const MOST_BYTES = { json: LIMITS.bodyBytes, yaml: LIMITS.yamlBytes };
const NAMES = { json: "a JSON body", yaml: "a YAML text" };

/** The body of a request. Reads no further than the limit. */
export async function readBody(request: Request, mostBytes: number = LIMITS.bodyBytes): Promise<Body> {
  const kind = kindOf(request.headers.get("Content-Type") ?? "");
  const encoding = request.headers.get("Content-Encoding") ?? "identity";
  if (encoding !== "identity") throw unsupported(`content encoding "${encoding}"`);
  const most = Math.min(mostBytes, MOST_BYTES[kind]);
  if (Number(request.headers.get("Content-Length")) > most) throw tooLarge(kind, most);
  return { kind, ...(await readText(request.body ?? new Blob().stream(), kind, most)) };
}

/** What a `Content-Type` stands for; throws `unsupported_media_type`. */
export function kindOf(contentType: string): BodyKind {
  const [essence = "", ...parameters] = contentType.toLowerCase().split(";");
  const kind = KINDS.get(essence.trim());
  const charset = parameters.map((one) => one.trim()).find((one) => one.startsWith("charset="));
  const isUtf8 = charset === undefined || /^charset="?utf-?8"?$/.test(charset);
  if (kind !== undefined && isUtf8) return kind;
  throw unsupported(contentType === "" ? "no Content-Type" : `Content-Type "${contentType.slice(0, 100)}"`);
}

/** Text and digest grow with the chunks, so that the bytes are never there as a whole. */
async function readText(
  body: ReadableStream<Uint8Array>,
  kind: BodyKind,
  most: number,
): Promise<Omit<Body, "kind">> {
  const hash = new crypto.DigestStream("SHA-256");
  const writer = hash.getWriter();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  let bytes = 0;
  let text = "";
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > most) throw tooLarge(kind, most);
    text += decode(decoder, chunk);
    await writer.write(chunk);
  }
  text += decode(decoder);
  await writer.close();
  return { text, digest: toHex(new Uint8Array(await hash.digest)) };
}

function decode(decoder: TextDecoder, chunk?: Uint8Array): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    throw new RequestError("invalid_request", "the body is not UTF-8: send it in that encoding", []);
  }
}

function tooLarge(kind: BodyKind, most: number): GleitzeitError {
  const message = `the body is too large: ${NAMES[kind]} has at most ${most} bytes here`;
  return new GleitzeitError("too_large", message);
}

function unsupported(what: string): GleitzeitError {
  const message = `${what} is not understood: send application/json or application/yaml, in UTF-8`;
  return new GleitzeitError("unsupported_media_type", message);
}
