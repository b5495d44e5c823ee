/** What must hold of the runs that were accepted, when the last kill is over. */
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "../../src/client/client.ts";
import type { RunView } from "../../src/contract/run.ts";
import { checkRun, describeRun } from "./check-run.ts";
import { compareHistory, listRuns, lookAtStatus } from "./compare-history.ts";
import type { House } from "./open-house.ts";
import type { Accepted } from "./submit-runs.ts";
import { forEach, untilNone } from "./until.ts";

export type Chaos = {
  house: House;
  refusalMs: number | undefined;
  /** When the last kill was, in ms since 1970. */
  killedAt: number;
  report(line: string): void;
  broken: string[];
};

/** Attempts that were running when the service was killed last are made again, and all runs end, within so long. */
const COMPLETE_MS = 150_000;
const HISTORY_MS = 120_000;

/** What there was, for the summary; what is wrong is put to what is broken. */
export async function checkAccepted(chaos: Chaos, accepted: Accepted[]): Promise<string> {
  const url = await chaos.house.keeper.url();
  await checkCompleted(chaos, url, accepted);
  await endRefusal(chaos);
  const summary = await checkRuns(chaos, url, accepted);
  await checkAskingAgain(chaos, url, accepted);
  await checkHistory(chaos, url, accepted);
  return `${summary}${tellDatabase(chaos)}`;
}

function tellDatabase({ house: { desk }, refusalMs }: Chaos): string {
  if (refusalMs === undefined) return "";
  const { answered, refused, lost } = desk.counts;
  return `, calls of the database: ${answered} answered, ${refused} refused, ${lost} without their answers`;
}

/** Nobody looks at the runs, which would wake them: they come back by themselves. Where lists fail there is no other way. */
async function checkCompleted(chaos: Chaos, url: string, accepted: Accepted[]): Promise<void> {
  const look = chaos.refusalMs === undefined ? lookAtList : lookAtRuns;
  const open = await untilNone(COMPLETE_MS, () => look(url, accepted));
  if (open.length > 0) await complain(chaos, url, `${open.length} runs have not completed`, open);
  else chaos.report("all runs have completed");
}

async function lookAtList(url: string, accepted: Accepted[]): Promise<string[]> {
  const listed = await listRuns(url);
  if (typeof listed === "string") return [listed];
  const completed = new Set(listed.filter(({ status }) => status === "completed").map(({ id }) => id));
  return accepted.map(({ id }) => id).filter((id) => !completed.has(id));
}

async function lookAtRuns(url: string, accepted: Accepted[]): Promise<string[]> {
  const client = connect({ url });
  const ids = await forEach(accepted, async ({ id }) =>
    (await client.run(id)).status === "completed" ? undefined : id,
  );
  return ids.filter((id) => id !== undefined);
}

const DESCRIBED_MOST = 5;

async function complain(chaos: Chaos, url: string, what: string, ids: string[]): Promise<void> {
  const described = await forEach(ids.slice(0, DESCRIBED_MOST), (id) =>
    id.startsWith("run_") ? describeRun(url, id) : Promise.resolve(id),
  );
  chaos.broken.push(`${what}:\n    ${described.join("\n    ")}`);
  chaos.report(what);
}

/** Until then lists have been answered: they may lag, and lack what only the database has. */
async function endRefusal({ house: { desk, keeper }, refusalMs = 0, report, broken }: Chaos): Promise<void> {
  if (desk.mood !== "refusing") return;
  const listed = await listRuns(await keeper.url());
  if (typeof listed === "string") broken.push(`while the database refuses: ${listed}`);
  await delay(Math.max(0, desk.refusingSince + refusalMs - performance.now()));
  desk.mood = "failing";
  report("the database answers again, most times");
}

async function checkRuns(chaos: Chaos, url: string, accepted: Accepted[]): Promise<string> {
  const calls = chaos.house.calls();
  const checked = await forEach(accepted, (run) => checkRun(url, run, calls));
  chaos.broken.push(...checked.flatMap(({ broken }) => broken));
  const sum = (numbers: Iterable<number>) => [...numbers].reduce((total, number) => total + number, 0);
  const attempts = sum(checked.map((run) => run.attempts));
  const lost = sum(checked.map((run) => run.lost));
  chaos.report("journals, results and calls are looked through");
  const lastMs = Math.max(...checked.map((run) => run.finishedAt)) - chaos.killedAt;
  chaos.report(`the last run finished ${(lastMs / 1000).toFixed(1)} s after the last kill`);
  return `${attempts} attempts, ${lost} of them lost, ${sum(calls.values())} calls of the provider`;
}

async function checkAskingAgain({ broken }: Chaos, url: string, accepted: Accepted[]): Promise<void> {
  const client = connect({ url });
  await forEach(accepted, async ({ key, id, workflow }) => {
    const again = await client.submit({ workflow }, { idempotencyKey: key });
    if (again.id !== id) broken.push(`${key} gave ${id}, and when it was asked again ${again.id}`);
  });
}

/** While some calls of the database fail; then none does, and it must get all that was left elsewhere. */
async function checkHistory(chaos: Chaos, url: string, accepted: Accepted[]): Promise<void> {
  const client = connect({ url });
  const found = await forEach(accepted, ({ id }) => client.run(id));
  const views = new Map<string, RunView>(found.map((view) => [view.id, view]));
  const { desk } = chaos.house;
  if (desk.mood !== "well") await waitForHistory(chaos, url, () => compareHistory(url, views));
  desk.mood = "well";
  await waitForHistory(chaos, url, async () => [
    ...(await compareHistory(url, views)),
    ...(await lookAtStatus(url, views.size)),
  ]);
}

async function waitForHistory(chaos: Chaos, url: string, look: () => Promise<string[]>): Promise<void> {
  const { mood } = chaos.house.desk;
  const wrong = await untilNone(HISTORY_MS, look);
  if (wrong.length > 0) await complain(chaos, url, `history (database: ${mood})`, wrong);
  else chaos.report(`history is what the runs say (database: ${mood})`);
}
