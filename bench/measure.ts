/** Medians over interleaved rounds: what is compared is measured side by side, since machines are shared and noisy. */

export type Row = { name: string; medianMs: number; leastMs: number; mostMs: number };

/** Runs are written to history a second later: that must not fall into the next case. */
const PAUSE_MS = 1500;

/** Runs every case once in each round, after one round that does not count. */
export async function measure(cases: Record<string, () => Promise<void>>, rounds: number): Promise<Row[]> {
  const times = new Map<string, number[]>(Object.keys(cases).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(cases)) {
      const began = performance.now();
      await run();
      if (round > 0) times.get(name)?.push(performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
  return [...times].map(([name, taken]) => rowOf(name, taken));
}

export function rowOf(name: string, taken: number[]): Row {
  return { name, medianMs: median(taken), leastMs: Math.min(...taken), mostMs: Math.max(...taken) };
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
