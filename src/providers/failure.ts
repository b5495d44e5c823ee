/** Why a call failed: the contract's codes, in words that name the instance and what to do about it. */
import { type ErrorCode, GleitzeitError } from "../contract/error.ts";
import type { JsonObject } from "../contract/json.ts";
import type { Reach } from "./provider.ts";

type Options = { details?: JsonObject; retryAfterMs?: number | undefined };

export class ProviderError extends GleitzeitError {
  /** What the provider's `Retry-After` said; it wins over the task's own backoff. */
  readonly retryAfterMs: number | undefined;

  // No `cause`: what `fetch` throws may quote a header, and headers hold secrets.
  constructor(code: ErrorCode, message: string, { details, retryAfterMs }: Options = {}) {
    super(code, message, details === undefined ? {} : { details });
    this.retryAfterMs = retryAfterMs;
  }
}

/** What to do where nobody answers, and where our credentials are refused; it depends on the kind of provider. */
export type Advice = { start: string; credentials: string };

/** How messages name an instance: by its origin, since a path or a query may hold a secret. */
export function nameOf({ instance }: Pick<Reach, "instance">): string {
  const origin = URL.canParse(instance.url) ? new URL(instance.url).origin : "no valid URL";
  return `instance "${instance.id}" (${origin})`;
}

/** An answer that is no answer of this kind of provider: most likely something else listens there. */
export function junkAnswer(reach: Reach, expected: string, answer: string): ProviderError {
  const said = quote(reach, answer);
  return new ProviderError(
    "invalid_result",
    `${nameOf(reach)}: its answer is not ${expected}, but ${said || "empty"}; check the instance's URL`,
  );
}

export function tooLarge(reach: Reach, bytesMax: number): ProviderError {
  return new ProviderError(
    "result_too_large",
    `${nameOf(reach)}: its answer makes a result of more than ${bytesMax} bytes; ask for less, or split the task`,
    { details: { bytesMax } },
  );
}

const QUOTE_CHARS = 400;
// What is shorter is no secret, and would be struck out of ordinary words.
const SECRET_CHARS = 6;

/** What a provider said, on one line, cut, and without what we sent in headers: some servers say requests back. */
export function quote({ instance }: Pick<Reach, "instance">, text: string): string {
  const secrets = Object.values(instance.headers ?? {}).flatMap((value) => [value, ...value.split(/\s+/)]);
  const clean = secrets
    .filter((secret) => secret.length >= SECRET_CHARS)
    .reduce((rest, secret) => rest.replaceAll(secret, "•••"), text)
    .replace(/\s+/g, " ")
    .trim();
  return clean.length <= QUOTE_CHARS ? clean : `${clean.slice(0, QUOTE_CHARS)}…`;
}
