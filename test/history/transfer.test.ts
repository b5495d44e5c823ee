/** Copies of history: whatever both sides hold and wherever a copy breaks off, the target has it all in the end. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { TransferProgress } from "../../src/contract/api.ts";
import { memoryHistory } from "../../src/history/memory.ts";
import type { Projection, RunHistory } from "../../src/history/run-history.ts";
import { type TransferSource, type TransferTarget, transferStep } from "../../src/history/transfer.ts";
import { sampleRun } from "./sample.ts";

type Kept = { side: RunHistory; all: () => Promise<Projection[]> };
const PAGE_RUNS = 3;
const CALLS_MOST = 200;

describe("a copy", () => {
  it("leaves the target with all that the source has, and the source as it was", async () => {
    await fc.assert(
      fc.asyncProperty(anyRuns, anyRuns, async (theirs, ours) => {
        const [from, to] = [await keep(theirs), await keep(ours)];
        const { copied, isEqual } = await copy(from.side, to.side);
        expect(await from.all()).toEqual(inOrder(theirs));
        expect(await to.all()).toEqual(merge(theirs, ours));
        expect(isEqual).toBe(true);
        expect(copied).toBe(theirs.filter((one) => isLacking(one, ours)).length);
      }),
    );
  });

  it("loses and doubles nothing wherever it breaks off, gone on with or begun anew", async () => {
    const anyBreaks = fc.array(fc.record({ calls: fc.nat(20), isAnew: fc.boolean() }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(anyRuns, anyRuns, anyBreaks, async (theirs, ours, breaks) => {
        const [from, to] = [await keep(theirs), await keep(ours)];
        let last: TransferProgress | undefined;
        for (const { calls, isAnew } of breaks) {
          last = await copyUntilBroken(from, to, calls, isAnew ? undefined : last);
        }
        const { isEqual, ...sides } = await copy(from.side, to.side, last);
        expect(await to.all()).toEqual(merge(theirs, ours));
        expect(isEqual).toBe(true);
        expect([sides.from.runs, sides.to.runs]).toEqual([theirs.length, theirs.length]);
      }),
    );
  });

  it("writes nothing the second time, and says the same of both sides", async () => {
    await fc.assert(
      fc.asyncProperty(anyRuns, anyRuns, async (theirs, ours) => {
        const [from, to] = [await keep(theirs), await keep(ours)];
        const first = await copy(from.side, to.side);
        expect(await copy(from.side, readOnly(to.side))).toEqual({ ...first, copied: 0 });
      }),
    );
  });

  it("that broke off counts, begun anew, only what was missing", async () => {
    const runs = Array.from({ length: 10 }, (_, number) => runOf(number));
    const [from, to] = [await keep(runs), await keep([])];
    // Three steps of the first copy; what they wrote is there.
    let progress = await transferStep(from.side, to.side);
    for (let step = 1; step < 3; step++) progress = await transferStep(from.side, to.side, progress);
    expect(progress).toMatchObject({ copied: 9, isDone: false, after: runs[8]?.summary.id });
    expect(await copy(from.side, to.side)).toMatchObject({ copied: 1, from: { runs: 10 }, to: { runs: 10 } });
  });

  it("of nothing is done at once, and a step after the last changes nothing", async () => {
    const done = await transferStep(await sideOf([]), await sideOf([]));
    expect(done).toMatchObject({ after: null, copied: 0, isDone: true, isEqual: true });
    expect(await transferStep(await sideOf([runOf(1)]), await sideOf([]), done)).toBe(done);
  });

  it("reads six runs at a time, and each at most twice in a step", async () => {
    const runs = Array.from({ length: 50 }, (_, number) => runOf(number));
    const side = await sideOf([]);
    let [reads, now, most] = [0, 0, 0];
    const read: TransferTarget["read"] = async (id) => {
      reads++;
      most = Math.max(most, ++now);
      const found = await side.read(id);
      now--;
      return found;
    };
    await transferStep({ page: async () => runs }, { ...side, read });
    expect([reads, most]).toEqual([100, 6]);
  });
});

describe("a run that the target has", () => {
  it("in an earlier revision is replaced", async () => {
    const to = await keep([runOf(1, 3, "early")]);
    expect(await copy(await sideOf([runOf(1, 5, "late")]), to.side)).toMatchObject({
      copied: 1,
      isEqual: true,
    });
    expect(await to.all()).toEqual([runOf(1, 5, "late")]);
  });

  it("with another record or summary of the same revision is replaced", async () => {
    const renamed = { ...runOf(2), summary: { ...runOf(2).summary, metadata: { note: "other" } } };
    const to = await keep([runOf(1, 5, "other"), renamed]);
    const done = await copy(await sideOf([runOf(1), runOf(2)]), to.side);
    expect(done).toMatchObject({ copied: 2, isEqual: true });
    expect(done.from).toEqual(done.to);
    expect(await to.all()).toEqual([runOf(1), runOf(2)]);
  });

  it("in a later revision is left as it is: nothing is lacking, and the digests tell that they differ", async () => {
    const to = await keep([runOf(1, 7, "went on")]);
    const done = await copy(await sideOf([runOf(1, 5)]), to.side);
    expect(done).toMatchObject({ copied: 0, isEqual: true, from: { runs: 1 }, to: { runs: 1 } });
    expect(done.from.digest).not.toBe(done.to.digest);
    expect(await to.all()).toEqual([runOf(1, 7, "went on")]);
  });

  it("is the same with its keys in another order", async () => {
    const inputs = { b: { d: 1, c: [2] }, a: null };
    const swapped = { a: null, b: { c: [2], d: 1 } };
    const withInputs = (given: typeof inputs) => ({ ...runOf(1), summary: sampleRun(1, { inputs: given }) });
    const { copied, from, to } = await copy(
      await sideOf([withInputs(inputs)]),
      await sideOf([withInputs(swapped)]),
    );
    expect([copied, from]).toEqual([0, to]);
  });

  it("and the source lacks stays, and is not counted", async () => {
    const to = await keep([runOf(2)]);
    expect(await copy(await sideOf([runOf(1)]), to.side)).toMatchObject({ copied: 1, to: { runs: 1 } });
    expect(await to.all()).toEqual([runOf(1), runOf(2)]);
  });
});

describe("a target that does not keep what it is given", () => {
  it.each([
    ["drops a run", [runOf(1)]],
    ["has it older", [runOf(1), runOf(2, 4)]],
    ["has it other", [runOf(1), runOf(2, 5, "other")]],
  ])("is not equal to its source: it %s", async (_, ours) => {
    const runs = [runOf(1), runOf(2), runOf(3), runOf(4)];
    const side = await sideOf([...ours, runOf(3), runOf(4)]);
    const done = await copy(await sideOf(runs), { ...side, write: async () => {} });
    expect(done).toMatchObject({ copied: 1, isDone: true, isEqual: false });
    expect(done.from.digest).not.toBe(done.to.digest);
  });
});

describe("the digests of both sides", () => {
  it("are equal where and only where the contents are", async () => {
    await fc.assert(
      fc.asyncProperty(anyRuns, anyRuns, async (theirs, ours) => {
        const to = await sideOf(ours);
        const done = await copy(await sideOf(theirs), {
          ...to,
          write: async () => {},
        });
        const ids = theirs.map(({ summary }) => summary.id);
        const same = inOrder(ours.filter(({ summary }) => ids.includes(summary.id)));
        expect(done.from.digest === done.to.digest).toBe(isSame(inOrder(theirs), same));
      }),
    );
  });

  it("do not depend on how the pages were cut", async () => {
    await fc.assert(
      fc.asyncProperty(anyRuns, async (runs) => {
        const whole = { page: async (after?: string) => (after === undefined ? inOrder(runs) : []) };
        const [inOne, inMany] = [
          await copy(whole, await sideOf([])),
          await copy(await sideOf(runs), await sideOf([])),
        ];
        expect(inOne).toEqual(inMany);
        expect(inOne.from.digest).toMatch(/^[0-9a-f]{64}$/);
      }),
    );
  });
});

function runOf(number: number, revision = 5, record = ""): Projection {
  return { revision, summary: sampleRun(number), record: new TextEncoder().encode(record) };
}

/** Few ids, revisions and records, so that both sides have much in common. */
const anyRun = fc
  .tuple(fc.nat(11), fc.integer({ min: 1, max: 3 }), fc.constantFrom("", "a", "b"))
  .map(([number, revision, record]) => runOf(number, revision, record));
const anyRuns = fc.uniqueArray(anyRun, { selector: ({ summary }) => summary.id, maxLength: 12 });

/** A history in memory with these runs, whose pages are short: a few runs take several steps. */
async function keep(projections: Projection[]): Promise<Kept> {
  const history = memoryHistory();
  await history.write(projections);
  const page: RunHistory["page"] = async (after) => (await history.page(after)).slice(0, PAGE_RUNS);
  return { side: { ...history, page }, all: () => history.page(undefined) };
}

const sideOf = async (projections: Projection[]): Promise<RunHistory> => (await keep(projections)).side;

const inOrder = (runs: Projection[]): Projection[] =>
  runs.toSorted((one, other) => (one.summary.id < other.summary.id ? -1 : 1));

const isSame = (some: Projection[], others: Projection[]): boolean =>
  JSON.stringify(some) === JSON.stringify(others);

/** A run of the source that has to be written. */
function isLacking(wanted: Projection, ours: Projection[]): boolean {
  const own = ours.find(({ summary }) => summary.id === wanted.summary.id);
  return own === undefined || (own.revision <= wanted.revision && !isSame([own], [wanted]));
}

/** What the target has to have: the source's, but for those of which it has a later revision. */
function merge(theirs: Projection[], ours: Projection[]): Projection[] {
  const taken = theirs.filter((one) => isLacking(one, ours));
  const ids = taken.map(({ summary }) => summary.id);
  return inOrder([...taken, ...ours.filter(({ summary }) => !ids.includes(summary.id))]);
}

async function copy(from: TransferSource, to: TransferTarget, progress?: TransferProgress) {
  let last = await transferStep(from, to, progress);
  for (let step = 0; !last.isDone; step++) {
    expect(step).toBeLessThan(CALLS_MOST);
    last = await transferStep(from, to, last);
  }
  return last;
}

/** As if it were killed after so many calls of either side; the last answer, if there was one. */
async function copyUntilBroken(from: Kept, to: Kept, calls: number, progress?: TransferProgress) {
  let left = calls;
  const call = <Result>(work: () => Promise<Result>): Promise<Result> =>
    left-- > 0 ? work() : Promise.reject(new Error("broke off"));
  const source: TransferSource = { page: (after) => call(() => from.side.page(after)) };
  const target: TransferTarget = {
    read: (id) => call(() => to.side.read(id)),
    write: (batch, replaced) => call(() => to.side.write(batch, replaced)),
  };
  let last = progress;
  for (let step = 0; step < CALLS_MOST && !last?.isDone; step++) {
    const answer = await transferStep(source, target, last).catch(() => undefined);
    if (answer === undefined) break;
    last = answer;
  }
  return last;
}

function readOnly(side: RunHistory): TransferTarget {
  const refuse = () => Promise.reject(new Error("something was written"));
  return { read: side.read, write: refuse };
}
