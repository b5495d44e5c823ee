/**
 * Leases across loads. Renewals are not written, so a load knows nothing of them and gives each live session a full
 * lease. But an object that is evicted while it waits is loaded by its own alarm, again and again: the leases of those
 * who have not spoken since the first of these loads are kept, or they would never end.
 */
import type { Run } from "./run.ts";

/** When the lease of each session began, by its name; ms since 1970. */
export type KeptLeases = Readonly<Record<string, number>>;

/** After a load: sessions go on where they were kept, the others begin now. */
export function restoreLeases(run: Run, kept: KeptLeases, now: number): void {
  for (const [name, session] of run.live.sessions) session.seenAt = Math.min(now, kept[name] ?? now);
}

/** What must be kept after a command: of sessions with attempts that have not spoken since the load. Mostly none. */
export function leasesToKeep(run: Run): KeptLeases {
  const kept: Record<string, number> = {};
  for (const [name, { isHeard, attempts, seenAt }] of run.live.sessions) {
    if (!isHeard && attempts.size > 0) kept[name] = seenAt;
  }
  return kept;
}
