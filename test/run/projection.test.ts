/** When history is asked to fetch a run, and when the run may leave its object. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../src/contract/limits.ts";
import { Projection } from "../../src/run/projection.ts";

const MINUTE = TIMING.projectionPatienceMs;
const WEEK = 7 * 86_400_000;
const NOTHING = { revision: 0, isKept: false };
const RETENTION = { objectMs: 7, historyMs: 90 };

/** When history was asked for a run whose only event is never acknowledged, at alarms up to this time. */
function askFor(atAlarm: () => Projection, until: number): number[] {
  const asked: number[] = [];
  for (let now = 0; now <= until; ) {
    const projection = atAlarm();
    if (projection.isDue(1, now)) asked.push(now);
    now = projection.overdueAt;
  }
  return asked;
}

describe("history is asked", () => {
  test("again after 1, 2, 4 … minutes where it does not answer, and that never ends", () => {
    const projection = new Projection(NOTHING, 0);
    const asked = askFor(() => projection, 52 * WEEK);
    expect(asked.slice(0, 5)).toEqual([0, MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]);
    expect(asked).toHaveLength(2 + Math.floor(Math.log2((52 * WEEK) / MINUTE)));
    expect(projection.overdueAt).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  test("as often by an object that forgets between two alarms", () => {
    const projection = new Projection(NOTHING, 0);
    const forgetful = askFor(() => new Projection(NOTHING, 0), WEEK);
    expect(forgetful).toEqual(askFor(() => projection, WEEK));
  });

  test("soon again where something happened since", () => {
    const projection = new Projection(NOTHING, 0);
    expect(projection.isDue(1, WEEK)).toBe(true);
    expect(projection.overdueAt).toBe(2 * WEEK);
    projection.acknowledge({ revision: 1, isKept: false });
    projection.happened(WEEK);
    expect(projection.isDue(2, WEEK)).toBe(true);
    expect(projection.overdueAt).toBe(WEEK + MINUTE);
  });

  test("not while its answer is waited for, and not for what it has", () => {
    const projection = new Projection(NOTHING, 0);
    expect([projection.isDue(1, 0), projection.isDue(2, 10)]).toEqual([true, false]);
    projection.acknowledge({ revision: 1, isKept: false });
    expect(projection.overdueAt).toBe(Number.POSITIVE_INFINITY);
    expect([projection.isDue(1, 20), projection.isDue(2, 20)]).toEqual([false, true]);
  });

  test("on, where only an older revision was acknowledged", () => {
    const projection = new Projection({ revision: 5, isKept: true }, 0);
    expect(projection.isDue(6, 0)).toBe(true);
    projection.acknowledge({ revision: 4, isKept: false });
    expect(projection.acknowledged).toEqual({ revision: 5, isKept: true });
    expect(projection.overdueAt).toBe(MINUTE);
  });
});

describe("a run that has ended leaves its object", () => {
  const leavesAt = (acknowledged: { revision: number; isKept: boolean }, retention = RETENTION) =>
    new Projection(acknowledged, 0).leavesAt(5, 1000, retention);

  test("soon where history has all of it", () => {
    expect(leavesAt({ revision: 5, isKept: true })).toBe(1007);
  });

  test("when history lets go of it where that has its summary only", () => {
    expect(leavesAt({ revision: 5, isKept: false })).toBe(1090);
  });

  test("when history lets go of it where that is sooner", () => {
    expect(leavesAt({ revision: 5, isKept: true }, { objectMs: 90, historyMs: 7 })).toBe(1007);
  });

  test("never while history lacks its last event, whatever it has", () => {
    expect(leavesAt({ revision: 4, isKept: true })).toBe(Number.POSITIVE_INFINITY);
    expect(leavesAt(NOTHING)).toBe(Number.POSITIVE_INFINITY);
  });
});
