/** When an instance gets no calls because of how its last ones ended, and how it comes back. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TIMING } from "../../../src/contract/limits.ts";
import { type Breaker, breakerAt, makeBreaker, record, recover } from "../../../src/providers/hub/breaker.ts";
import { NOW } from "./scene.ts";

const SECOND = 1000;

/** `+` a call that succeeded, `-` one that failed. */
const breakerAfter = (calls: string, breaker: Breaker = makeBreaker(), now: number = NOW): Breaker =>
  [...calls].reduce((one, call) => record(one, call === "+", now), breaker);

const stateAt = (breaker: Breaker, ms: number) => breakerAt(breaker, NOW + ms).state;

describe("a breaker opens", () => {
  test("after five failures in a row, not after four", () => {
    expect(breakerAfter("++----").state).toBe("closed");
    expect(breakerAfter("++-----").state).toBe("open");
  });

  test("not as long as a success comes in between", () => {
    expect(breakerAfter("----+----").state).toBe("closed");
  });

  test("when half of the last twenty calls failed", () => {
    expect(breakerAfter("++--".repeat(4)).state).toBe("closed");
    expect(breakerAfter("++--".repeat(5)).state).toBe("open");
  });

  test("not where less than half of the last twenty failed, however many there were before", () => {
    expect(breakerAfter("+++--".repeat(40)).state).toBe("closed");
    expect(breakerAfter(`${"+-".repeat(9)}${"+".repeat(20)}${"+-".repeat(9)}`).state).toBe("closed");
  });
});

describe("an open breaker", () => {
  test("lets a trial through after ten seconds", () => {
    const breaker = breakerAfter("-----");
    expect(stateAt(breaker, 10 * SECOND - 1)).toBe("open");
    expect(stateAt(breaker, 10 * SECOND)).toBe("half_open");
  });

  test("heeds nothing that began before it opened", () => {
    const breaker = breakerAfter("-----");
    expect(breakerAfter("+++---", breaker, NOW + SECOND)).toEqual(breaker);
  });

  test("is half open at once when the instance answers again, with the first period", () => {
    const sick = breakerAfter("-", breakerAfter("-----"), NOW + 10 * SECOND);
    const now = NOW + 11 * SECOND;
    expect(sick.state).toBe("open");
    expect(breakerAt(recover(sick), now).state).toBe("half_open");
    expect(breakerAt(breakerAfter("-", recover(sick), now), now + 20 * SECOND).state).toBe("half_open");
  });
});

describe("a half open breaker", () => {
  const halfOpenAt = NOW + 10 * SECOND;

  test("closes after two good trials, not after one", () => {
    expect(breakerAfter("+", breakerAfter("-----"), halfOpenAt).state).toBe("half_open");
    expect(breakerAfter("++", breakerAfter("-----"), halfOpenAt).state).toBe("closed");
  });

  test("starts anew when it closes: old failures do not count", () => {
    expect(breakerAfter("++----", breakerAfter("-----"), halfOpenAt).state).toBe("closed");
    expect(breakerAfter("++-----", breakerAfter("-----"), halfOpenAt).state).toBe("open");
  });

  test.each(["-", "+-"])("opens again with a trial that fails (%s), twice as long", (trials) => {
    const breaker = breakerAfter(trials, breakerAfter("-----"), halfOpenAt);
    expect(breakerAt(breaker, halfOpenAt + 20 * SECOND - 1).state).toBe("open");
    expect(breakerAt(breaker, halfOpenAt + 20 * SECOND).state).toBe("half_open");
  });

  test("doubles its period up to a minute, and starts with ten seconds once it was closed", () => {
    let breaker = breakerAfter("-----");
    let now = NOW;
    for (const seconds of [10, 20, 40, 60, 60]) {
      expect(breakerAt(breaker, now + seconds * SECOND - 1).state).toBe("open");
      now += seconds * SECOND;
      expect(breakerAt(breaker, now).state).toBe("half_open");
      breaker = breakerAfter("-", breaker, now);
    }
    now += 60 * SECOND;
    breaker = breakerAfter("++-----", breaker, now);
    expect(breakerAt(breaker, now + 10 * SECOND).state).toBe("half_open");
  });

  test("and a closed one stay as they are when a check succeeds", () => {
    const tried = breakerAfter("+", breakerAfter("-----"), halfOpenAt);
    expect(recover(tried)).toEqual(tried);
    const closed = breakerAfter("+---");
    expect(recover(closed)).toEqual(closed);
  });
});

test("whatever happens, an instance gets a trial within a minute, and no breaker is changed in place", () => {
  const step = fc.record({ isSuccess: fc.boolean(), ms: fc.nat(70 * SECOND) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      let breaker = makeBreaker();
      let now = NOW;
      for (const { isSuccess, ms } of steps) {
        now += ms;
        const before = structuredClone(breaker);
        const next = record(breaker, isSuccess, now);
        expect(breaker).toEqual(before);
        expect(breakerAt(next, now + TIMING.breakerMaxMs).state).not.toBe("open");
        breaker = next;
      }
    }),
    { seed: 3, numRuns: 200 },
  );
});
