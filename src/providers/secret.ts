/**
 * Secret headers of instances, encrypted where they rest and while they travel; opened only by who makes the request.
 * AES-GCM with a random nonce; what is sealed for one instance does not open for another.
 */
import * as z from "zod";
import { GleitzeitError } from "../contract/error.ts";
import { LIMITS } from "../contract/limits.ts";
import { encodeBase64 } from "../spec/base64.ts";
import { isHeaderName } from "./header-name.ts";

/** `key`: the setting GLEITZEIT_SECRET_KEY. `context`: see {@link sealingContext}. */
export type Sealing = { key: string | undefined; context: string };

/** What a sealed text belongs to: it opens for this instance of this protocol alone. */
export const sealingContext = (protocol: string, instanceId: string): string => `${protocol} ${instanceId}`;

/** Also checks them: `invalid_request` names a header that cannot be sent, and never its value. */
export async function sealHeaders(headers: Record<string, string>, sealing: Sealing): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify(headers));
  checkHeaders(headers, text.byteLength);
  const key = await deriveKey(sealing.key);
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithmFor(nonce, sealing.context), key, text));
  const bytes = new Uint8Array(NONCE_BYTES + sealed.byteLength);
  bytes.set(nonce);
  bytes.set(sealed, NONCE_BYTES);
  return VERSION + encodeBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** The inverse of {@link sealHeaders}; `provider_rejected` where the text was sealed otherwise, or changed since. */
export async function openHeaders(sealed: string, sealing: Sealing): Promise<Record<string, string>> {
  const key = await deriveKey(sealing.key);
  try {
    if (!sealed.startsWith(VERSION)) throw new Error("another version");
    const bytes = bytesOf(sealed.slice(VERSION.length));
    const algorithm = algorithmFor(bytes.subarray(0, NONCE_BYTES), sealing.context);
    const text = await crypto.subtle.decrypt(algorithm, key, bytes.subarray(NONCE_BYTES));
    return headerRecord.parse(JSON.parse(new TextDecoder().decode(text)));
  } catch {
    // No cause: it says nothing that helps, and could quote what it failed on.
    throw new GleitzeitError(
      "provider_rejected",
      `the secret headers of "${sealing.context}" do not open with the GLEITZEIT_SECRET_KEY that is set now; ` +
        "register it again: PUT /v1/providers/{id}",
    );
  }
}

const VERSION = "v1.";
// What AES-GCM is made for. Random ones are safe for some 4 billion texts of one key.
const NONCE_BYTES = 12;
const KEY_CHARS_MIN = 32;

const headerRecord = z.record(z.string(), z.string());

const algorithmFor = (nonce: Uint8Array<ArrayBuffer>, context: string) => ({
  name: "AES-GCM",
  iv: nonce,
  additionalData: new TextEncoder().encode(context),
});

// The one of this isolate's setting: deriving it again for each call would cost more than the call's decryption.
let derived: { from: string; key: ReturnType<typeof importKey> } | undefined;

function deriveKey(text: string | undefined): ReturnType<typeof importKey> {
  if (text === undefined || text.length < KEY_CHARS_MIN) {
    const state = text === undefined ? "is not set" : `has fewer than ${KEY_CHARS_MIN} characters`;
    throw new GleitzeitError(
      "secret_key_not_configured",
      `GLEITZEIT_SECRET_KEY, which encrypts secret headers, ${state}; make one and set it with: ` +
        "openssl rand -hex 32 | npx wrangler secret put GLEITZEIT_SECRET_KEY",
    );
  }
  if (derived?.from !== text) derived = { from: text, key: importKey(text) };
  return derived.key;
}

async function importKey(text: string) {
  const encoder = new TextEncoder();
  const material = await crypto.subtle.importKey("raw", encoder.encode(text), "HKDF", false, ["deriveKey"]);
  const info = encoder.encode("gleitzeit secret headers");
  // The text is random already, so that a salt would add nothing.
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  const algorithm = { name: "AES-GCM", length: 256 };
  return crypto.subtle.deriveKey(derivation, material, algorithm, false, ["encrypt", "decrypt"]);
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

// What every HTTP implementation passes on as it is: visible ASCII, with blanks inside only.
const VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;
/** Those that say how a message travels, and what `fetch` or we say ourselves. */
const OURS = new Set([
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

function checkHeaders(headers: Record<string, string>, bytes: number): void {
  const seen = new Set<string>();
  for (const [index, [name, value]] of Object.entries(headers).entries()) {
    // It is not quoted: whoever mistakes the name may have put the secret there.
    if (!isHeaderName(name)) throw invalid(`number ${index + 1} has a name that HTTP does not allow`);
    const lower = name.toLowerCase();
    if (OURS.has(lower)) throw invalid(`"${name}" is set by the connection itself; leave it out`);
    if (seen.has(lower)) throw invalid(`"${name}" is given twice; keep one`);
    if (!VALUE.test(value)) {
      throw invalid(
        `"${name}" must have a value of visible ASCII, without line breaks or blanks at its ends`,
      );
    }
    seen.add(lower);
  }
  if (bytes > LIMITS.headersBytes) {
    throw invalid(`they are ${bytes} bytes as JSON, at most ${LIMITS.headersBytes} are kept`);
  }
}

const invalid = (problem: string): GleitzeitError =>
  new GleitzeitError("invalid_request", `headers: ${problem}`);
