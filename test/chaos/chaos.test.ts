/** The short form of `npm run chaos`. Each wait in it has an end, and a run of it takes half a minute. */
import { describe, expect, it } from "vitest";
import { type ChaosOptions, makeChaos } from "./chaos.ts";

const SEED = 4;
/** Far above what it takes: the waits within end before. */
const TIMEOUT_MS = 450_000;

describe("while the whole service is killed again and again", () => {
  it("every accepted run completes, does nothing twice that it has not recorded, and is listed as it is", {
    timeout: TIMEOUT_MS,
  }, async () => {
    expect(await brokenBy({ runs: 24, kills: 2 })).toEqual([]);
  });

  it("no run fails or waits for a database that refuses, and history has them all when it is back", {
    timeout: TIMEOUT_MS,
  }, async () => {
    expect(await brokenBy({ runs: 16, kills: 1, refusalMs: 5000 })).toEqual([]);
  });
});

async function brokenBy(options: Pick<ChaosOptions, "runs" | "kills" | "refusalMs">): Promise<string[]> {
  return (await makeChaos({ seed: SEED, killWithinMs: 2500, say: () => {}, ...options })).broken;
}
