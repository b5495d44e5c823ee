/** Medians over interleaved rounds: what is compared is measured side by side, since machines are shared and noisy. */
import { setTimeout as delay } from "node:timers/promises";

export type Row = { name: string; medianMs: number; leastMs: number; mostMs: number; p95Ms?: number };

/** History is written some two seconds after a run began: that must not fall into the next case. */
const PAUSE_MS = 2500;
/** Of fewer measurements the 95th percentile is but the greatest. */
const PERCENTILE_LEAST = 20;

/** Runs every case once in each round, after one round that does not count. */
export async function measure(cases: Record<string, () => Promise<void>>, rounds: number): Promise<Row[]> {
  const times = new Map<string, number[]>(Object.keys(cases).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(cases)) {
      const takenMs = await timeOf(run);
      if (round > 0) times.get(name)?.push(takenMs);
      await settle();
    }
  }
  return [...times].map(([name, taken]) => rowOf(name, taken));
}

/** Milliseconds. */
export async function timeOf(run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await run();
  return performance.now() - began;
}

/** Until what the service does afterwards is done. */
export const settle = (): Promise<void> => delay(PAUSE_MS);

export function rowOf(name: string, taken: number[]): Row {
  const sorted = taken.toSorted((a, b) => a - b);
  const row = {
    name,
    medianMs: median(sorted),
    leastMs: sorted[0] ?? Number.NaN,
    mostMs: sorted.at(-1) ?? Number.NaN,
  };
  return sorted.length < PERCENTILE_LEAST ? row : { ...row, p95Ms: percentile(sorted, 0.95) };
}

function median(sorted: number[]): number {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

const percentile = (sorted: number[], share: number): number =>
  sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
