/** An instance as it is shown: without secrets. */
import type { InstanceView } from "../../contract/provider.ts";
import { originOf } from "../origin.ts";
import { breakerAt } from "./breaker.ts";
import type { Hub } from "./hub.ts";
import { capacityOf, type Member, type MemberHealth } from "./member.ts";

export function viewInstances(hub: Hub, now: number): InstanceView[] {
  return [...hub.members.values()]
    .map((member) => viewInstance(hub, member, now))
    .sort((one, other) => (one.id < other.id ? -1 : 1));
}

export function viewInstance(hub: Hub, member: Member, now: number): InstanceView {
  const { spec, offering, load, answered, failed, latencyMs } = member;
  const { id, kind, source, weight, tags, allowPull } = spec;
  return {
    id,
    protocol: hub.protocol,
    kind,
    url: originOf(spec.url),
    source,
    hasHeaders: spec.sealedHeaders !== undefined,
    weight,
    maxConcurrent: capacityOf(member),
    tags,
    allowPull,
    strategy: hub.strategy,
    ...(offering?.version === undefined ? {} : { version: offering.version }),
    ...(offering?.models === undefined ? {} : { models: modelsOf(offering.models, offering.loaded) }),
    ...(offering?.tools === undefined ? {} : { tools: offering.tools }),
    health: viewHealth(member.health),
    breaker: viewBreaker(member, now),
    load,
    calls: { answered, failed },
    ...(latencyMs === undefined ? {} : { latencyMs: Math.round(latencyMs * 10) / 10 }),
  };
}

function modelsOf(models: string[], loaded: string[] = []): { name: string; loaded: boolean }[] {
  return models.map((name) => ({ name, loaded: loaded.includes(name) }));
}

function viewHealth(health: MemberHealth): InstanceView["health"] {
  if (health.status === "unknown") return { status: "unknown" };
  const checkedAt = iso(health.at);
  return health.status === "healthy"
    ? { status: "healthy", checkedAt }
    : { status: "unhealthy", checkedAt, reason: health.reason };
}

/** An instance that asked to be left alone is closed as long, which looks the same from outside. */
function viewBreaker(member: Member, now: number): InstanceView["breaker"] {
  const breaker = breakerAt(member.breaker, now);
  const until = Math.max(breaker.state === "open" ? breaker.until : 0, member.closedUntil);
  return { state: breaker.state, ...(until > now ? { retryAt: iso(until) } : {}) };
}

const iso = (time: number): string => new Date(time).toISOString();
