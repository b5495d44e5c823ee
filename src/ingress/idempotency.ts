/** Doing things once: what started a run names it, so that asking again finds the same object (decision 9). */
import { encodeJson } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Body } from "./body.ts";
import { toHex } from "./hex.ts";
import { issueAt, RequestError } from "./problem.ts";

/** `nameBytes` make the run's id; `digest` tells whether a second request is the same one. */
export type Origin = { nameBytes: Uint8Array; digest: string };

const NAME_BYTES = 10;
const VISIBLE = new RegExp(`^[\\x21-\\x7e]{1,${LIMITS.idempotencyKeyChars}}$`);

type Request = { actor: string; route: string; key: string | undefined; body: Body };

/** Without a key every request is one of its own. */
export async function originOf({ actor, route, key, body }: Request): Promise<Origin> {
  const digest = toHex(await sha256([route, body.kind, body.digest]));
  if (key === undefined) return { nameBytes: crypto.getRandomValues(new Uint8Array(NAME_BYTES)), digest };
  if (!VISIBLE.test(key)) {
    const message = `Idempotency-Key must be 1 to ${LIMITS.idempotencyKeyChars} visible ASCII characters`;
    throw new RequestError("invalid_request", message, [issueAt("Idempotency-Key", message)]);
  }
  return { nameBytes: (await sha256([actor, route, key])).subarray(0, NAME_BYTES), digest };
}

/** Of a list, so that no two different ones read the same. */
async function sha256(parts: string[]): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encodeJson(parts)));
}
