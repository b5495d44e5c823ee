/** The first key: with it the service may be reached from anywhere, and every request must carry it. */
import { GleitzeitError } from "../contract/error.ts";

const encoder = new TextEncoder();

/** Throws `unauthorized` unless the header is `Bearer` and the key. */
export async function requireKey(key: string, authorization: string | undefined): Promise<void> {
  const [, given = ""] = /^Bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
  if (await isSame(given, key)) return;
  const message = "this service asks for a key: send it as Authorization: Bearer KEY";
  throw new GleitzeitError("unauthorized", message);
}

/** Digests are compared, all of them: how long it takes says nothing of the key. */
async function isSame(given: string, key: string): Promise<boolean> {
  const [a, b] = await Promise.all(
    [given, key].map((text) => crypto.subtle.digest("SHA-256", encoder.encode(text))),
  );
  if (a === undefined || b === undefined) return false;
  const expected = new Uint8Array(b);
  return (
    new Uint8Array(a).reduce((difference, byte, index) => difference | (byte ^ (expected[index] ?? 0)), 0) ===
    0
  );
}
