/** What an executor gives a provider, for tests. */
import { expect } from "vitest";
import { ProviderError } from "../../src/providers/failure.ts";
import type { Context, Progress } from "../../src/providers/provider.ts";

export type TestContext = Context & { tokens: string[]; reports: Progress[] };

export function contextFor(url: string, more: Partial<Context> = {}): TestContext {
  const tokens: string[] = [];
  const reports: Progress[] = [];
  return {
    signal: new AbortController().signal,
    fetch,
    emit: (text) => void tokens.push(text),
    report: (progress) => void reports.push(progress),
    siblings: async () => [],
    idempotencyKey: "run_1:task:1",
    instance: { id: "one", url },
    tokens,
    reports,
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
