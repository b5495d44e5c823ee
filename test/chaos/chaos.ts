/**
 * Runs are submitted while the service is killed again and again, and its database fails where that is asked for. Then
 * every run must have completed as if nothing had been. What happens comes from the seed; when it meets what, does not.
 */
import { setTimeout as delay } from "node:timers/promises";
import { makeChance } from "../sim/chance.ts";
import { type Chaos, checkAccepted } from "./check-accepted.ts";
import { openHouse } from "./open-house.ts";
import { planRuns } from "./plan-runs.ts";
import { type Accepted, type Submitting, submitRuns } from "./submit-runs.ts";
import { AT_ONCE } from "./until.ts";

export type ChaosOptions = {
  seed: number;
  runs: number;
  kills: number;
  /** A service lives at most so long between two kills. */
  killWithinMs: number;
  /** Where it is there the database fails 30 % of its calls, and from the middle all, for at least so long. */
  refusalMs?: number | undefined;
  /** Gets a line for each thing that happens. */
  say(line: string): void;
};

/** `folder` has the state and the service's log where something is broken; else it is gone. */
export type Outcome = { broken: string[]; summary: string; folder: string };

const KILL_SOONEST_MS = 300;
/** Of the services that are killed: while they start, as may be. The others are up first, however long that takes. */
const KILLED_EARLY_SHARE = 0.25;
/** Of the time of the kills; in the rest it is waited for the service. */
const PAUSED_SHARE = 0.7;

export async function makeChaos({ refusalMs, say, ...plan }: ChaosOptions): Promise<Outcome> {
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(1);
  const house = await openHouse(makeChance(plan.seed + 1), refusalMs !== undefined);
  const report = (line: string) => say(`${seconds().padStart(6)} s  ${line}`);
  const chaos: Chaos = { house, refusalMs, report, killedAt: Date.now(), broken: [] };
  if (refusalMs !== undefined) house.desk.mood = "failing";
  let summary = "broken off";
  try {
    const accepted = await submitBetweenKills(chaos, plan);
    summary = `${plan.runs} runs, ${plan.kills} kills, ${await checkAccepted(chaos, accepted)}`;
  } catch (error) {
    chaos.broken.push(error instanceof Error ? String(error.stack) : String(error));
  }
  await house.close(chaos.broken.length > 0);
  return { broken: chaos.broken, summary: `${summary}, ${seconds()} s`, folder: house.folder };
}

type Plan = Omit<ChaosOptions, "refusalMs" | "say">;

/** Submitting is spread over the time of the kills. */
async function submitBetweenKills(
  chaos: Chaos,
  { seed, runs, kills, killWithinMs }: Plan,
): Promise<Accepted[]> {
  const { keeper } = chaos.house;
  const chance = makeChance(seed + 2);
  const pauses = makeChance(seed + 3);
  const pauseMostMs = (PAUSED_SHARE * AT_ONCE * kills * killWithinMs) / runs;
  const counts = { killed: 0, accepted: 0 };
  const submitting: Submitting = {
    keeper,
    pause: async () => void (counts.killed < kills && (await delay(pauses.between(0, pauseMostMs)))),
    accepted() {
      counts.accepted++;
      if (counts.accepted === Math.ceil(runs / 2)) beginRefusal(chaos);
    },
    refused: (what) => chaos.broken.push(what),
  };
  const submitted = submitRuns(planRuns(seed, runs), submitting);
  submitted.catch(() => {}); // heard of below
  for (; counts.killed < kills; counts.killed++) {
    if (!chance.is(KILLED_EARLY_SHARE)) await keeper.url();
    await delay(chance.between(KILL_SOONEST_MS, killWithinMs));
    await keeper.restart();
    chaos.killedAt = Date.now();
    chaos.report(`kill ${counts.killed + 1} of ${kills}; ${counts.accepted} runs are accepted`);
  }
  const accepted = await submitted;
  chaos.report(`all ${accepted.length} runs are accepted`);
  return accepted;
}

/** It ends when all runs have completed, not before. */
function beginRefusal({ house, refusalMs, report }: Chaos): void {
  if (refusalMs === undefined) return;
  house.desk.mood = "refusing";
  house.desk.refusingSince = performance.now();
  report("the database refuses all");
}
