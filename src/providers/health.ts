/** Health from any cheap question: what it throws is why an instance is not healthy. */
import { ProviderError } from "./failure.ts";
import type { Health } from "./provider.ts";

/** `ask` gives the server's version. */
export async function healthBy(ask: () => Promise<string>): Promise<Health> {
  try {
    return { healthy: true, version: await ask() };
  } catch (thrown) {
    if (thrown instanceof ProviderError) return { healthy: false, reason: thrown.message };
    throw thrown;
  }
}
