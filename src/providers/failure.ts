/** Why a call failed: the contract's codes, in words that name the instance and what to do about it. */
import { type ErrorCode, GleitzeitError } from "../contract/error.ts";
import type { JsonObject } from "../contract/json.ts";
import { originOf } from "./origin.ts";
import type { Reach } from "./provider.ts";

type Options = { details?: JsonObject; retryAfterMs?: number | undefined; mayRepeat?: boolean };

export class ProviderError extends GleitzeitError {
  /** What the provider's `Retry-After` said; it wins over the task's own backoff. */
  readonly retryAfterMs: number | undefined;
  /**
   * The same call may be made elsewhere at once: the instance has not begun it, or doing it twice does no harm. Where the
   * protocol's method is idempotent that holds for every fault of the way, and need not be said.
   */
  readonly mayRepeat: boolean;

  // No `cause`: what `fetch` throws may quote a header, and headers hold secrets.
  constructor(code: ErrorCode, message: string, options: Options = {}) {
    const { details, retryAfterMs, mayRepeat = false } = options;
    super(code, message, details === undefined ? {} : { details });
    this.retryAfterMs = retryAfterMs;
    this.mayRepeat = mayRepeat;
  }
}

/** What to do where nobody answers, and where our credentials are refused; it depends on the kind of provider. */
export type Advice = { start: string; credentials: string };

/** How messages name an instance. */
export function nameOf({ instance }: Pick<Reach, "instance">): string {
  return `instance "${instance.id}" (${originOf(instance.url)})`;
}

/** An answer that is no answer of this kind of provider: most likely something else listens there. */
export function junkAnswer(reach: Reach, expected: string, answer: string): ProviderError {
  const said = quote(reach, answer);
  return new ProviderError(
    "invalid_answer",
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
  // As it stands in JSON, too, which is what most servers say it back in.
  secrets.push(...secrets.map((secret) => JSON.stringify(secret).slice(1, -1)));
  const clean = secrets
    .filter((secret) => secret.length >= SECRET_CHARS)
    .reduce((rest, secret) => rest.replaceAll(secret, "•••"), text)
    .replace(/\s+/g, " ")
    .trim();
  return clean.length <= QUOTE_CHARS ? clean : `${clean.slice(0, QUOTE_CHARS)}…`;
}
