/** What an executor gives a provider, for tests. */
import { expect } from "vitest";
import { ProviderError } from "../../src/providers/failure.ts";
import type { Context } from "../../src/providers/provider.ts";

export type TestContext = Context & { tokens: string[] };

export function contextFor(url: string, more: Partial<Context> = {}): TestContext {
  const tokens: string[] = [];
  return {
    signal: new AbortController().signal,
    fetch,
    emit: (text) => void tokens.push(text),
    idempotencyKey: "run_1:task:1",
    instance: { id: "one", url },
    tokens,
    ...more,
  };
}

/** The failure itself, so that all of it can be looked at. */
export async function failureOf(promise: Promise<unknown>): Promise<ProviderError> {
  const thrown = await promise.then(
    (value) => expect.fail(`completed with ${JSON.stringify(value)?.slice(0, 200)}`),
    (reason: unknown) => reason,
  );
  if (thrown instanceof ProviderError) return thrown;
  throw thrown;
}
