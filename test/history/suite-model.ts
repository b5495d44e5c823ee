/** Whatever is written, removed and pruned, in any order and however often: history is what the model says. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { hasEnded, RUN_STATUSES, type RunSummary } from "../../src/contract/run.ts";
import type { Projection, RunFilter, RunHistory } from "../../src/history/run-history.ts";
import {
  inOrder,
  listModel,
  type Model,
  pruneModel,
  removeModel,
  walkList,
  walkPages,
  writeModel,
} from "./model.ts";
import { NOON, sampleProjection, sampleRun } from "./sample.ts";

const HOUR_MS = 3_600_000;
const RUNS = 9;
const REVISIONS = 6;

/** One run and one revision are always one projection. */
function projectionOf(number: number, revision: number): Projection {
  const status = RUN_STATUSES[(number * 5 + revision) % RUN_STATUSES.length] ?? "pending";
  const differing: Partial<RunSummary> = {
    status,
    workflow: { name: number % 2 === 0 ? "greet" : "report" },
    tags: number % 3 === 0 ? { ["__proto__"]: "a", team: "b" } : { team: "a" },
    finishedAt: new Date(NOON + (number + revision) * HOUR_MS).toISOString(),
  };
  const { finishedAt, ...goesOn } = sampleRun(number, differing, NOON + number * HOUR_MS);
  if (!hasEnded(status)) return { revision, summary: goesOn, record: new Uint8Array() };
  return sampleProjection({ ...goesOn, ...(finishedAt && { finishedAt }) }, revision, { number, revision });
}

const version = fc.tuple(fc.nat(RUNS - 1), fc.integer({ min: 1, max: REVISIONS }));
const hours = fc.nat(RUNS + REVISIONS);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ write: fc.array(version, { maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ remove: fc.array(version, { maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ prune: hours, limit: fc.integer({ min: 1, max: 4 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer Kind> ? Kind : never;

const anyFilter: fc.Arbitrary<RunFilter> = fc.record(
  {
    status: fc.constantFrom(...RUN_STATUSES),
    workflow: fc.constantFrom("greet", "report"),
    tag: fc.constantFrom({ key: "team", value: "a" }, { key: "__proto__", value: "a" }),
    since: hours.map((count) => new Date(NOON + count * HOUR_MS).toISOString()),
    until: hours.map((count) => new Date(NOON + count * HOUR_MS).toISOString()),
  },
  { requiredKeys: [] },
);

export function describeModel(open: () => Promise<RunHistory>): void {
  test("any sequence of writes, repetitions, removals and prunings leaves what the model has", async () => {
    const limit = fc.integer({ min: 1, max: 4 });
    const property = fc.asyncProperty(
      fc.array(step, { maxLength: 8 }),
      anyFilter,
      limit,
      async (steps, filter, most) => {
        const [history, model]: [RunHistory, Model] = [await open(), new Map()];
        for (const one of steps) await take(one, history, model);
        expect((await walkPages(history)).flat()).toEqual(inOrder(model));
        expect(await walkList(history, filter, most)).toEqual(listModel(model, filter));
        expect(await history.count()).toEqual(countModel(model));
      },
    );
    await fc.assert(property, { seed: 12, numRuns: 60 });
  });
}

async function take(one: Step, history: RunHistory, model: Model): Promise<void> {
  if ("write" in one) {
    const batch = one.write.map(([number, revision]) => projectionOf(number, revision));
    writeModel(model, batch);
    return await history.write(batch);
  }
  if ("remove" in one) {
    const versions = one.remove.map(([number, revision]) => ({
      id: projectionOf(number, revision).summary.id,
      revision,
    }));
    removeModel(model, versions);
    return await history.remove(versions);
  }
  const before = NOON + one.prune * HOUR_MS;
  expect(await history.prune(before, one.limit)).toBe(pruneModel(model, before, one.limit));
}

function countModel(model: Model) {
  const statuses = inOrder(model).map(({ summary }) => summary.status);
  return Object.fromEntries(
    RUN_STATUSES.map((status) => [status, statuses.filter((one) => one === status).length]),
  );
}
