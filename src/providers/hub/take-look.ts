/** A look at a hub's instances: what it is to cover, and what comes of what it found. */
import { LIMITS, TIMING } from "../../contract/limits.ts";
import { discoveredInstance } from "../discover.ts";
import { type Hub, putInstance, removeInstance } from "./hub.ts";
import { isLooking, type Looks } from "./looks.ts";
import { instanceOf, isGone, type Member, recordLook } from "./member.ts";
import type { Candidate, Found, Look, LookReport } from "./spec.ts";

/** What to look at now; undefined: somebody is at it. */
export function beginLook(hub: Hub, candidates: Candidate[], now: number): Look | undefined {
  const { looks } = hub;
  if (isLooking(looks, now)) return undefined;
  const isDiscovery = looks.isWanted || now >= looks.discoveredAt + TIMING.discoveryMs;
  const id = ++looks.count;
  looks.isWanted = false;
  looks.underWay = { id, askedAt: now, isDiscovery };
  hub.quietUntil = Math.min(hub.quietUntil, now + TIMING.lookMs);
  // There may not be time for all: those that were not looked at for longest come first.
  const members = [...hub.members.values()].sort((one, other) => lookedAt(one) - lookedAt(other));
  const known = new Set(members.map(({ spec }) => spec.url));
  const unknown = isDiscovery ? candidates.filter(({ url }) => !known.has(url)) : [];
  return { id, protocol: hub.protocol, instances: members.map(instanceOf), candidates: unknown };
}

const lookedAt = ({ health }: Member): number =>
  health.status === "unknown" ? Number.NEGATIVE_INFINITY : health.at;

/** What a look changed in the list of instances: ids that are new or offer something else, and ids that are gone. */
export type Changes = { changed: string[]; gone: string[] };

export function takeLook(hub: Hub, report: LookReport, now: number): Changes {
  hub.isStirred = true;
  const changed: string[] = [];
  for (const seen of report.instances) {
    const member = hub.members.get(seen.id);
    if (member === undefined || member.spec.url !== seen.url) continue;
    const before = JSON.stringify(member.offering);
    recordLook(member, seen, now);
    if (JSON.stringify(member.offering) !== before) changed.push(seen.id);
  }
  for (const found of report.found) changed.push(...join(hub, found, now));
  const gone = [...hub.members.values()].filter((member) => isGone(member, now)).map(({ spec }) => spec.id);
  for (const id of gone) removeInstance(hub, id);
  if (report.found.length + report.notFound.length > 0) hub.looks.notFound = report.notFound;
  endLook(hub.looks, report.look, now);
  return { changed, gone };
}

function endLook(looks: Looks, id: number | undefined, now: number): void {
  if (looks.underWay === undefined || looks.underWay.id !== id) return;
  if (looks.underWay.isDiscovery) looks.discoveredAt = now;
  looks.underWay = undefined;
}

/** What was said by hand or by a setting stays as it is. */
function join(hub: Hub, found: Found, now: number): string[] {
  const members = [...hub.members.values()];
  const spec = discoveredInstance(found);
  const isKnown = hub.members.has(spec.id) || members.some((member) => member.spec.url === found.url);
  if (isKnown || members.length >= LIMITS.instances) return [];
  const member = putInstance(hub, spec, now, found.offering);
  member.health = { status: "healthy", at: now };
  return [spec.id];
}
