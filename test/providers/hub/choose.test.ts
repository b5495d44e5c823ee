/** Which instance gets the call: the one that does it best, and among equals the strategy's. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TIMING } from "../../../src/contract/limits.ts";
import type { Strategy } from "../../../src/contract/provider.ts";
import { type Candidate, choose, chosen } from "../../../src/providers/hub/choose.ts";
import { FIT } from "../../../src/providers/hub/match.ts";
import type { Member } from "../../../src/providers/hub/member.ts";
import { type Given, memberOf, NOW, sceneOf } from "./scene.ts";

const equals = (members: Member[]): Candidate[] => members.map((member) => ({ member, fit: FIT.present }));
const membersOf = (...given: Given[]): Member[] => given.map(memberOf);

/** Calls that end at once, by instance. */
function pick(members: Member[], strategy: Strategy, picks: number): Map<string, number> {
  const counts = new Map(members.map(({ spec }) => [spec.id, 0]));
  let turn = Math.max(...members.map(({ chosenAt }) => chosenAt));
  for (let index = 0; index < picks; index++) {
    const member = choose(equals(members), { strategy, runId: `run-${index}`, now: NOW });
    if (member === undefined) continue;
    const others = members.filter((other) => other !== member);
    chosen(member, others, ++turn);
    counts.set(member.spec.id, (counts.get(member.spec.id) ?? 0) + 1);
  }
  return counts;
}

test("nobody is chosen of nobody", () => {
  expect(choose([], { strategy: "least_loaded", runId: "a", now: NOW })).toBeUndefined();
});

describe("least loaded", () => {
  test("is the one with the smallest part of its places taken", () => {
    const members = membersOf({ id: "small", maxConcurrent: 2 }, { id: "large", maxConcurrent: 10 });
    for (const member of members) member.load = member.spec.id === "small" ? 1 : 4;
    expect(choose(equals(members), { strategy: "least_loaded", runId: "a", now: NOW })?.spec.id).toBe(
      "large",
    );
  });

  test("takes turns among those that are equally loaded", () => {
    const counts = pick(membersOf({ id: "a" }, { id: "b" }, { id: "c" }), "least_loaded", 30);
    expect([...counts.values()]).toEqual([10, 10, 10]);
  });

  test("is what a hub does where nothing is said", () => {
    const scene = sceneOf([
      { id: "a", maxConcurrent: 4 },
      { id: "b", maxConcurrent: 2 },
    ]);
    const places = Array.from({ length: 6 }, (_, index) => scene.place(`run-${index}`)).sort();
    expect(places).toEqual(["a", "a", "a", "a", "b", "b"]);
  });
});

describe("round robin", () => {
  test("takes turns, however loaded they are", () => {
    const members = membersOf({ id: "a" }, { id: "b" }, { id: "c" });
    for (const member of members) member.load = member.spec.id === "a" ? 3 : 0;
    expect([...pick(members, "round_robin", 30).values()]).toEqual([10, 10, 10]);
  });

  test("passes over those that have no room", () => {
    const scene = sceneOf(
      [
        { id: "a", maxConcurrent: 1 },
        { id: "b", maxConcurrent: 3 },
      ],
      { strategy: "round_robin" },
    );
    const places = Array.from({ length: 5 }, (_, index) => scene.place(`run-${index}`));
    expect(places.sort()).toEqual(["a", "b", "b", "b", "parked"]);
  });
});

describe("weighted", () => {
  test.each([[{ a: 1, b: 1 }], [{ a: 3, b: 1 }], [{ a: 1, b: 2, c: 7 }], [{ a: 0.5, b: 100 }]])(
    "gives calls in proportion to the weights: %j",
    (weights) => {
      const members = Object.entries(weights).map(([id, weight]) => memberOf({ id, weight }));
      const total = members.reduce((sum, { spec }) => sum + spec.weight, 0);
      const counts = pick(members, "weighted", 1000);
      for (const { spec } of members) {
        expect(Math.abs((counts.get(spec.id) ?? 0) - (1000 * spec.weight) / total)).toBeLessThanOrEqual(2);
      }
    },
  );

  test("spreads them evenly over time, without bursts", () => {
    const members = membersOf({ id: "a", weight: 2 }, { id: "b", weight: 1 });
    for (let window = 0; window < 20; window++) {
      expect(pick(members, "weighted", 3)).toEqual(
        new Map([
          ["a", 2],
          ["b", 1],
        ]),
      );
    }
  });

  test("gives one that joins its share from now on, and not what it missed", () => {
    const [first, second, late] = [{ id: "a" }, { id: "b" }, { id: "late" }].map(memberOf);
    if (first === undefined || second === undefined || late === undefined) throw new Error("three members");
    pick([first, second], "weighted", 1000);
    const counts = pick([first, second, late], "weighted", 300);
    expect(Math.abs((counts.get("late") ?? 0) - 100)).toBeLessThanOrEqual(2);
  });
});

describe("sticky", () => {
  const ids = ["spark", "attic", "cellar"];
  const members = ids.map((id) => memberOf({ id }));
  const placeOf = (runId: string, among: Member[] = members) =>
    choose(equals(among), { strategy: "sticky", runId, now: NOW })?.spec.id;

  test("sends all calls of a run to one instance, whatever else happens", () => {
    const scene = sceneOf(
      ids.map((id) => ({ id, maxConcurrent: 20 })),
      { strategy: "sticky" },
    );
    const first = scene.place("run");
    for (let call = 0; call < 10; call++) {
      scene.place(`other-${call}`);
      expect(scene.place("run")).toBe(first);
    }
  });

  test("spreads the runs over all instances", () => {
    const counts = pick(members, "sticky", 600);
    for (const count of counts.values()) expect(count).toBeGreaterThan(150);
  });

  test("moves only the runs of an instance that is gone", () => {
    for (let index = 0; index < 100; index++) {
      const before = placeOf(`run-${index}`);
      const after = placeOf(
        `run-${index}`,
        members.filter(({ spec }) => spec.id !== "attic"),
      );
      if (before !== "attic") expect(after).toBe(before);
    }
  });

  test("goes elsewhere where its own instance has no room, and comes back", () => {
    const scene = sceneOf(
      ids.map((id) => ({ id, maxConcurrent: 1 })),
      { strategy: "sticky" },
    );
    const first = scene.take("run");
    expect(scene.take("run").instance).not.toBe(first.instance);
    scene.end(first);
    expect(scene.place("run")).toBe(first.instance);
  });
});

describe("before the strategy", () => {
  const model = "llama3.2:latest";
  const need = { protocol: "llm/v1", model: "llama3.2" };
  const pool = {
    loaded: { id: "loaded", offering: { models: [model], loaded: [model] } },
    present: { id: "present", offering: { models: [model], loaded: [] } },
    unknown: { id: "unknown", offering: {} },
    pullable: { id: "pullable", offering: { models: [] }, allowPull: true },
  };

  test.each(["least_loaded", "round_robin", "weighted", "sticky"] as const)(
    "%s: loaded goes before present, present before unknown; nothing is pulled while these are only busy",
    (strategy) => {
      const { loaded, present, unknown, pullable } = pool;
      const given = [pullable, unknown, present, loaded].map((one) => ({ ...one, maxConcurrent: 1 }));
      const scene = sceneOf(given, { strategy });
      const places = Array.from({ length: 5 }, () => scene.place("run", { need }));
      expect(places).toEqual(["loaded", "present", "unknown", "parked", "parked"]);
    },
  );

  test("a model is pulled nowhere where it is not allowed", () => {
    const scene = sceneOf([pool.present, { id: "bare", offering: { models: [] } }]);
    const places = Array.from({ length: 5 }, () => scene.place("run", { need }));
    expect(places).toEqual(["present", "present", "present", "present", "parked"]);
  });

  test("one on trial goes first, so that what recovers is tried", () => {
    const scene = sceneOf([pool.loaded, pool.present]);
    scene.fail("present");
    expect(scene.place("run", { need })).toBe("loaded");
    scene.pass(TIMING.breakerMs);
    expect([scene.place("run", { need }), scene.place("run", { need })]).toEqual(["present", "loaded"]);
  });
});

test("whatever the strategy, one of the best candidates is chosen", () => {
  const candidate = fc.record({
    fit: fc.constantFrom(0, 1, 2, 3),
    load: fc.nat(3),
    weight: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(
      fc.array(candidate, { minLength: 1, maxLength: 8 }),
      fc.constantFrom<Strategy>("least_loaded", "round_robin", "weighted", "sticky"),
      (given, strategy) => {
        const candidates = given.map(({ fit, load, weight }, index) => {
          const member = memberOf({ id: `instance-${index}`, weight });
          member.load = load;
          return { member, fit };
        });
        const member = choose(candidates, { strategy, runId: "run", now: NOW });
        const best = Math.min(...candidates.map(({ fit }) => fit));
        expect(candidates.find((one) => one.member === member)?.fit).toBe(best);
      },
    ),
    { seed: 5, numRuns: 200 },
  );
});
