/** HTTP statuses that are no success, as failures: which are tried again, after how long, and what the provider said. */
import { isJsonObject, type Json } from "../contract/json.ts";
import { type Advice, nameOf, ProviderError, quote } from "./failure.ts";
import type { Reach } from "./provider.ts";
import { readErrorText } from "./read.ts";

/** The answer, where its status is a success. */
export async function accepted(reach: Reach, response: Response, advice: Advice): Promise<Response> {
  if (response.ok) return response;
  throw refusalOf(reach, response, advice, await readErrorText(reach, response));
}

/** `text` is the beginning of the body. */
export function refusalOf(reach: Reach, response: Response, advice: Advice, text: string): ProviderError {
  const { status } = response;
  const said = quote(reach, sentenceIn(text));
  const message = `${nameOf(reach)} ${verdictOn(response, advice)}${said && `: ${said}`}`;
  return new ProviderError(isPassing(status) ? "provider_unavailable" : "provider_rejected", message, {
    details: { status },
    retryAfterMs: parseRetryAfter(response.headers.get("retry-after"), Date.now()),
    mayRepeat: hasNotBegun(status),
  });
}

/** What a JSON error says (`{error}`, `{error: {message}}`, `{message}`), else the text itself. */
export function sentenceIn(text: string): string {
  let value: Json | undefined;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  for (let depth = 0; depth < 2 && isJsonObject(value); depth++) value = value["error"] ?? value["message"];
  if (isJsonObject(value)) value = value["message"];
  return typeof value === "string" ? value : text;
}

const RETRY_AFTER_MAX_MS = 3_600_000;

/** Seconds or a date, as HTTP has it; an hour at most, so that a wrong clock does not stop a run. */
export function parseRetryAfter(value: string | null, now: number): number | undefined {
  if (value === null || value.trim() === "") return undefined;
  const seconds = Number(value);
  const waitMs = Number.isNaN(seconds) ? Date.parse(value) - now : seconds * 1000;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(0, waitMs), RETRY_AFTER_MAX_MS);
}

const isPassing = (status: number): boolean => [408, 425, 429].includes(status) || status >= 500;

/** Too many requests; and a gateway that does not reach what stands behind it, or has nothing there. */
const hasNotBegun = (status: number): boolean => [429, 502, 503].includes(status);

function verdictOn({ status, headers }: Response, advice: Advice): string {
  if (status >= 300 && status < 400) {
    const target = URL.parse(headers.get("location") ?? "")?.origin ?? "another path";
    return `redirects (${status}) to ${target}; register the address that answers itself`;
  }
  if (status === 401 || status === 403) {
    return `refuses our credentials (${status}); ${advice.credentials}`;
  }
  if (status === 429) return "is busy (429)";
  return `answered ${status}`;
}
