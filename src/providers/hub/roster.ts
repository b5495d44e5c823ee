/**
 * Which instances there are, where several say so: what a person says goes before a setting, a setting before
 * discovery. One address is one instance: a host that counted twice would get twice the calls.
 */
import type { Hub } from "./hub.ts";
import type { InstanceSpec, Offering } from "./spec.ts";

/** What is kept of an instance. */
export type KeptInstance = { spec: InstanceSpec; offering?: Offering };

/** All instances, from what was kept and what the settings say now. */
export function assemble(kept: Iterable<KeptInstance>, configured: InstanceSpec[]): KeptInstance[] {
  const known = [...kept];
  const named = configured.map((spec) => {
    const before = known.find((one) => isSame(one.spec, spec));
    return before?.offering === undefined ? { spec } : { spec, offering: before.offering };
  });
  const all: KeptInstance[] = known.filter(({ spec }) => spec.source === "registered");
  for (const one of [...named, ...known.filter(({ spec }) => spec.source === "discovered")]) {
    const isTaken = all.some(({ spec }) => spec.id === one.spec.id || spec.url === one.spec.url);
    if (!isTaken) all.push(one);
  }
  return all;
}

/** Whom a new instance takes the place of. Two that a person named are two, whatever their address. */
export function replacedBy(hub: Hub, { id, url, source }: InstanceSpec): string[] {
  if (source !== "registered") return [];
  const others = [...hub.members.values()].map(({ spec }) => spec);
  return others
    .filter((one) => one.id !== id && one.url === url && one.source !== "registered")
    .map((one) => one.id);
}

const isSame = (one: InstanceSpec, other: InstanceSpec): boolean =>
  one.id === other.id && one.url === other.url && one.kind === other.kind;
