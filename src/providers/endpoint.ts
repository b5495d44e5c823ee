/** How an instance is reached: what the hub says, and the secrets it keeps sealed or is not told. */
import type { Instance } from "../contract/sync.ts";
import { settingsOf } from "../settings.ts";
import type { Endpoint } from "./provider.ts";
import { openHeaders, sealingContext } from "./secret.ts";

/** Throws `provider_rejected` where its headers do not open. */
export async function openInstance(protocol: string, instance: Instance, env: object): Promise<Endpoint> {
  const { id, url, sealedHeaders, allowPull = false } = instance;
  const { secretKey: key } = settingsOf(env);
  const context = sealingContext(protocol, id);
  const headers =
    sealedHeaders === undefined
      ? runnerHeaders(instance, env)
      : await openHeaders(sealedHeaders, { key, context });
  return { id, url, headers, allowPull };
}

/** The runner's secret goes to the runners that settings name, and to nobody else. */
function runnerHeaders({ kind, url }: Instance, env: object): Record<string, string> {
  const { runnerSecret, addresses } = settingsOf(env);
  const isOurs = kind === "python" && addresses.python.urls.some((named) => named.url === url);
  return isOurs && runnerSecret !== undefined ? { authorization: `Bearer ${runnerSecret}` } : {};
}
