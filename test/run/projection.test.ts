/** When history is asked to fetch a run: patience that grows with the age of the last event, and ends. */
import { expect, test } from "vitest";
import { TIMING } from "../../src/contract/limits.ts";
import { Projection } from "../../src/run/projection.ts";

const MINUTE = TIMING.projectionPatienceMs;
const WEEK = TIMING.projectionGiveUpMs;

/** At each alarm, when history was asked for a run whose only event is never acknowledged. */
function askFor(atAlarm: () => Projection): { asked: number[]; said: string[] } {
  const asked: number[] = [];
  const said: string[] = [];
  for (let now = 0; now < Number.POSITIVE_INFINITY && said.length < 100; ) {
    const projection = atAlarm();
    const step = projection.next(1, now);
    said.push(step);
    if (step === "ask") asked.push(now);
    now = projection.overdueAt;
  }
  return { asked, said };
}

test("a run that history does not take is asked for after 1, 2, 4 … minutes, and given up after a week", () => {
  const projection = new Projection(0, 0);
  const { asked, said } = askFor(() => projection);
  expect(asked.slice(0, 5)).toEqual([0, MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE]);
  expect(asked).toHaveLength(15);
  expect(asked.at(-1)).toBeLessThanOrEqual(WEEK);
  expect(said.at(-1)).toBe("give up");
});

test("it makes no difference that the object forgets between two alarms", () => {
  const projection = new Projection(0, 0);
  expect(askFor(() => new Projection(0, 0))).toEqual(askFor(() => projection));
});

test("given up, it is said once, and nothing is due until the next event", () => {
  const projection = new Projection(0, 0);
  expect(projection.next(1, WEEK + 1)).toBe("give up");
  expect(projection.next(1, 2 * WEEK)).toBe("wait");
  expect(projection.overdueAt).toBe(Number.POSITIVE_INFINITY);
  projection.happened(2 * WEEK);
  expect(projection.next(2, 2 * WEEK)).toBe("ask");
});

test("while it is waited for, and once it is acknowledged, history is not asked", () => {
  const projection = new Projection(0, 0);
  expect([projection.next(1, 0), projection.next(2, 10)]).toEqual(["ask", "wait"]);
  projection.acknowledge(1);
  expect(projection.next(1, 20)).toBe("wait");
  expect(projection.next(2, 20)).toBe("ask");
});
