/** When a hub has its instances looked at. Looking is done by others: a hub never waits for a provider. */
import { TIMING } from "../../contract/limits.ts";
import type { Candidate } from "./spec.ts";

/** `isDiscovery`: it takes in the addresses at which there may be somebody new. */
type UnderWay = { id: number; askedAt: number; isDiscovery: boolean };

export type Looks = {
  underWay: UnderWay | undefined;
  /** When a discovery last ended. */
  discoveredAt: number;
  /** Somebody needs one now. */
  isWanted: boolean;
  /** Addresses at which nobody answered the last time. */
  notFound: Candidate[];
  /** Counts looks. */
  count: number;
};

export function makeLooks(): Looks {
  const discoveredAt = Number.NEGATIVE_INFINITY;
  return { underWay: undefined, discoveredAt, isWanted: false, notFound: [], count: 0 };
}

/** One is under way, and not given up. */
export function isLooking(looks: Looks, now: number): boolean {
  return looks.underWay !== undefined && now < lookEndsAt(looks);
}

/** Who is not known now may be found by looking again. */
export function isStale({ discoveredAt }: Looks, now: number): boolean {
  return now >= discoveredAt + TIMING.freshMs;
}

/** When the look that is under way is given up. */
export function lookEndsAt({ underWay }: Looks): number {
  return underWay === undefined ? Number.POSITIVE_INFINITY : underWay.askedAt + TIMING.lookMs;
}
