/** What can be done about a need now: an instance, waiting, looking first, or nothing at all. */
import type { TaskError } from "../../contract/error.ts";
import { TIMING } from "../../contract/limits.ts";
import type { Need } from "../../contract/protocol.ts";
import { type Candidate, choose } from "./choose.ts";
import type { Hub } from "./hub.ts";
import { isLooking, isStale } from "./looks.ts";
import { FIT, fitOf } from "./match.ts";
import { isSick, type Member, reopensAt, roomAt } from "./member.ts";
import { allSick, nobodyFor, severalServers } from "./refusal.ts";

export type Asked = {
  runId: string;
  need: Need;
  avoid: string[];
  /** The call has failed at those to avoid: none of them will do. */
  isFailover?: boolean;
};

/** `unknown`: nobody is known to serve it, which a look may change. */
export type Assessment =
  | { kind: "free"; member: Member }
  | { kind: "busy" }
  | { kind: "unknown" }
  | { kind: "refused"; error: TaskError; retryAfterMs?: number };

export function assess(hub: Hub, asked: Asked, now: number): Assessment {
  const { need } = asked;
  const { fits, unseen } = fitting(hub, need);
  const isUnclear =
    need.instance === undefined && unseen.some((member) => isServer(member) && !isSick(member, now));
  if (isUnclear) return { kind: "unknown" };
  const clash = severalServers(fits, need);
  if (clash !== undefined) return { kind: "refused", error: clash };
  const well = preferred(fits, asked, now);
  if (well.length > 0) return among(hub, well, asked, now);
  if (unseen.some((member) => !isSick(member, now))) return { kind: "unknown" };
  const mayFind = isLooking(hub.looks, now) || isStale(hub.looks, now);
  if (mayFind && fits.length === 0) return { kind: "unknown" };
  const sick = [...fits.map(({ member }) => member), ...unseen];
  if (sick.length > 0)
    return { kind: "refused", error: allSick(hub, sick, need), retryAfterMs: pauseFor(sick, now) };
  return { kind: "refused", error: nobodyFor(hub, need) };
}

/** What one server of MCP does, another may do otherwise: before one is chosen, all must be known. */
const isServer = ({ spec }: Member): boolean => spec.kind === "mcp";

/** Whether this instance is one of those among which the call is to be made. */
export function isEligible(hub: Hub, asked: Asked, member: Member, now: number): boolean {
  return preferred(fitting(hub, asked.need).fits, asked, now).some((one) => one.member === member);
}

function fitting(hub: Hub, need: Need): { fits: Candidate[]; unseen: Member[] } {
  const fits: Candidate[] = [];
  const unseen: Member[] = [];
  for (const member of hub.members.values()) {
    const fit = fitOf(member, need);
    if (fit === "unseen") unseen.push(member);
    else if (fit !== "no") fits.push({ member, fit });
  }
  return { fits, unseen };
}

/** Those that are well and that it did not fail at; all that are well, where there are no others. */
function preferred(fits: Candidate[], { avoid, isFailover = false }: Asked, now: number): Candidate[] {
  const well = fits.filter(({ member }) => !isSick(member, now));
  if (avoid.length === 0) return well;
  const others = well.filter(({ member }) => !avoid.includes(member.spec.id));
  return others.length > 0 || isFailover ? others : well;
}

/** Nothing is pulled while others have it and are only busy. */
function among(hub: Hub, well: Candidate[], { runId }: Asked, now: number): Assessment {
  const having = well.filter(({ fit }) => fit < FIT.pullable);
  const free = (having.length > 0 ? having : well).filter(({ member }) => roomAt(member, now) > 0);
  const member = choose(free, { strategy: hub.strategy, runId, now });
  return member === undefined ? { kind: "busy" } : { kind: "free", member };
}

/** When the first of them may be tried again. One that did not answer a look is looked at again by then. */
function pauseFor(sick: Member[], now: number): number {
  const next = Math.min(...sick.map((member) => reopensAt(member, now)), now + TIMING.sickMs);
  return Math.max(SOONEST_MS, next - now);
}

const SOONEST_MS = 1000;
