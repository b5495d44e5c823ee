/** How an instance is reached: what the hub says, and the secrets it is not told. */
import type { Instance } from "../contract/sync.ts";
import { settingsOf } from "../env.ts";
import type { Endpoint } from "../providers/provider.ts";

export function endpointOf({ id, kind, url }: Instance, env: object): { kind: string; instance: Endpoint } {
  const { runnerSecret } = settingsOf(env);
  const needsSecret = kind === "python" && runnerSecret !== undefined;
  const headers = needsSecret ? { authorization: `Bearer ${runnerSecret}` } : {};
  return { kind, instance: { id, url, headers } };
}
