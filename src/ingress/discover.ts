/** `POST /v1/providers/discover`: the candidate addresses looked at, now. Their hubs register what answers. */
import type { DiscoveryReport, InstanceView } from "../contract/provider.ts";
import type { Env } from "../env.ts";
import { candidatesOf } from "../providers/discover.ts";
import type { Found } from "../providers/hub/spec.ts";
import { originOf } from "../providers/origin.ts";
import { PROTOCOLS } from "../providers/protocols/index.ts";
import { settingsOf } from "../settings.ts";
import { lookAndTell } from "./instances.ts";

export async function discover(env: Env): Promise<DiscoveryReport> {
  const reports = await Promise.all(PROTOCOLS.map(({ name }) => discoverFor(env, name)));
  return {
    found: reports.flatMap(({ found }) => found),
    notFound: reports.flatMap(({ notFound }) => notFound),
  };
}

async function discoverFor(env: Env, protocol: string): Promise<DiscoveryReport> {
  const candidates = candidatesOf(protocol, settingsOf(env));
  if (candidates.length === 0) return { found: [], notFound: [] };
  const { report, list } = await lookAndTell(env, { protocol, instances: [], candidates });
  const notFound = report.notFound.map(({ kind, url, reason }) => ({
    protocol,
    kind,
    url: originOf(url),
    reason,
  }));
  const found: DiscoveryReport["found"] = [];
  for (const { kind, url } of report.found) {
    const id = idOf(list, { kind, url });
    const address = { protocol, kind, url: originOf(url) };
    if (id !== undefined) found.push({ id, ...address });
    else
      notFound.push({
        ...address,
        reason: `it answers, but ${protocol} has as many instances as it can have`,
      });
  }
  return { found, notFound };
}

/** Somebody may have registered the address under a name of his own. */
function idOf(list: InstanceView[], { kind, url }: Pick<Found, "kind" | "url">): string | undefined {
  return list.find((instance) => instance.kind === kind && originOf(instance.url) === originOf(url))?.id;
}
