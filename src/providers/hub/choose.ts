/** Which of the instances that could take a call at once gets it. */
import { shareOf } from "../../contract/id.ts";
import type { Strategy } from "../../contract/provider.ts";
import { FIT } from "./match.ts";
import { capacityOf, isOnTrial, type Member } from "./member.ts";

/** `fit`: how well it does what is asked, from match.ts; the smaller the better. */
export type Candidate = { member: Member; fit: number };

/**
 * One on trial goes first: what recovers gets calls again. Then who does it best (a model that is in memory need not be
 * loaded), and among equals the strategy decides.
 */
export function choose(
  candidates: Candidate[],
  by: { strategy: Strategy; runId: string; now: number },
): Member | undefined {
  const onTrial = candidates.filter(({ member, fit }) => fit < FIT.pullable && isOnTrial(member, by.now));
  const pool = onTrial.length > 0 ? onTrial : candidates;
  const best = Math.min(...pool.map(({ fit }) => fit));
  const equals = pool.filter(({ fit }) => fit === best).map(({ member }) => member);
  return first(equals, (one, other) => compare(one, other, by) || one.chosenAt - other.chosenAt);
}

/** Counts it. `turn` only ever grows; `others` are those that could have had it, were they free. */
export function chosen(member: Member, others: Member[], turn: number): void {
  member.share = Math.max(member.share, shareOfLast(member, others)) + 1 / member.spec.weight;
  member.chosenAt = turn;
}

/**
 * One that is new, or back, does not get all calls until it has caught up: it begins a call behind the others. Not level
 * with them, or who has the greatest weight, and so is behind for most of the time, would lose by it.
 */
function shareOfLast(member: Member, others: Member[]): number {
  if (others.length === 0) return member.share;
  const least = Math.min(member.spec.weight, ...others.map(({ spec }) => spec.weight));
  return Math.min(...others.map(({ share }) => share)) - 1 / least;
}

/** Negative: the first goes before the second. Equals take turns. */
function compare(one: Member, other: Member, by: { strategy: Strategy; runId: string }): number {
  switch (by.strategy) {
    case "least_loaded":
      return one.load / capacityOf(one) - other.load / capacityOf(other);
    case "round_robin":
      return 0;
    case "weighted":
      return one.share - other.share;
    case "sticky":
      // The same for a run for as long as the instance is there, and spread over runs (rendezvous hashing).
      return shareOf(`${by.runId}/${other.spec.id}`) - shareOf(`${by.runId}/${one.spec.id}`);
    default:
      throw new Error(`unknown strategy ${by.strategy satisfies never}`);
  }
}

function first(members: Member[], compareTwo: (one: Member, other: Member) => number): Member | undefined {
  let best: Member | undefined;
  for (const member of members) if (best === undefined || compareTwo(member, best) < 0) best = member;
  return best;
}
