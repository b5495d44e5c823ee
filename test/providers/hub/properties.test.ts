/** What holds in a hub whatever is asked of it, in whatever order. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TIMING } from "../../../src/contract/limits.ts";
import { STRATEGIES, type Strategy } from "../../../src/contract/provider.ts";
import type { CallEnd, HeldSlot } from "../../../src/contract/sync.ts";
import { PRIORITIES } from "../../../src/contract/workflow.ts";
import { assess } from "../../../src/providers/hub/assess.ts";
import { removeInstance, type Waiting } from "../../../src/providers/hub/hub.ts";
import { isLooking } from "../../../src/providers/hub/looks.ts";
import { capacityOf, isOnTrial, isSick, type Member } from "../../../src/providers/hub/member.ts";
import { inviteNext, takeAnswer } from "../../../src/providers/hub/queue.ts";
import { renew } from "../../../src/providers/hub/slots.ts";
import { ANSWERED, busyFor, FAILED, found, question, type Scene, sceneOf, UNUSED } from "./scene.ts";

const INSTANCES = [
  { id: "a", maxConcurrent: 1, offering: { models: ["llama3.2:latest"], loaded: ["llama3.2:latest"] } },
  { id: "b", maxConcurrent: 2, offering: { models: ["llama3.2:latest"] }, weight: 3, tags: ["gpu"] },
  { id: "c", maxConcurrent: 3, offering: {}, tags: ["gpu"] },
];
const NEEDS = [{}, {}, {}, { model: "llama3.2" }, { instance: "a" }, { tags: ["gpu"] }, { model: "none" }];

const run = fc.nat(3).map((number) => `run-${number}`);
const id = fc.constantFrom("a", "b", "c");
const nth = fc.nat(6);
const need = fc.constantFrom(...NEEDS).map((more) => ({ protocol: "llm/v1", ...more }));
const priority = fc.constantFrom(...PRIORITIES);
const avoid = fc.subarray(["a", "b", "c"], { maxLength: 1 });
const end = fc.constantFrom<CallEnd>(ANSWERED, ANSWERED, UNUSED, FAILED, busyFor(3000));
const ms = fc.oneof(fc.nat(100), fc.nat(TIMING.leaseMs), fc.constant(TIMING.reservationMs));
const does = <Name extends string>(name: Name) => fc.constant(name);

const STEPS = {
  ask: fc.record({ does: does("ask"), run, need, priority, avoid }),
  /** A run that was invited asks. */
  come: fc.record({ does: does("come"), nth }),
  release: fc.record({ does: does("release"), nth, end }),
  move: fc.record({ does: does("move"), nth }),
  /** A run says what it thinks of an invitation, sooner or later. */
  answer: fc.record({
    does: does("answer"),
    nth,
    isWanted: fc.boolean(),
    next: fc.option(priority, { nil: undefined }),
  }),
  renew: fc.record({ does: does("renew") }),
  /** A timer that is late: somebody else may ask before it. */
  pass: fc.record({ does: does("pass"), ms, isLate: fc.boolean() }),
  seen: fc.record({ does: does("seen"), id, isHealthy: fc.boolean() }),
  report: fc.record({ does: does("report") }),
  fail: fc.record({ does: does("fail"), id }),
  remove: fc.record({ does: does("remove"), id }),
  put: fc.record({ does: does("put"), id }),
};
const step = fc.oneof(
  { weight: 10, arbitrary: STEPS.ask },
  { weight: 4, arbitrary: STEPS.come },
  { weight: 8, arbitrary: STEPS.release },
  { weight: 2, arbitrary: STEPS.move },
  { weight: 3, arbitrary: STEPS.answer },
  { weight: 3, arbitrary: STEPS.renew },
  { weight: 4, arbitrary: STEPS.pass },
  { weight: 2, arbitrary: STEPS.seen },
  { weight: 1, arbitrary: STEPS.report },
  { weight: 1, arbitrary: STEPS.fail },
  { weight: 1, arbitrary: STEPS.remove },
  { weight: 2, arbitrary: STEPS.put },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/**
 * What came of a step. `given`: slots that it gave; `asked`: the question, if it was one without a slot kept for it;
 * `before`: who waited then, and with how many slots; `kept`: for whom slots were kept thereafter.
 */
type Turn = {
  scene: Scene;
  given: HeldSlot[];
  asked: Waiting | undefined;
  before: Waiting[];
  slotsBefore: Map<string, number>;
  kept: Waiting[];
};

const slotsIn = ({ hub }: Scene): HeldSlot[] =>
  [...hub.slots].map(([token, { runId, instance }]) => ({ token, runId, instance }));
const waitingIn = ({ hub }: Scene): Waiting[] => [...hub.waiting.values()].map((waiting) => ({ ...waiting }));
const membersIn = ({ hub }: Scene): Member[] => [...hub.members.values()];

/** Plays steps as the hub's shell does: after each of them it invites, and has somebody look where that is wanted. */
function holds(findWrong: (turn: Turn) => unknown[]): void {
  const steps = fc.array(step, { minLength: 1, maxLength: 80, size: "max" });
  fc.assert(
    fc.property(fc.constantFrom<Strategy>(...STRATEGIES), steps, (strategy, played) => {
      const scene = sceneOf(INSTANCES, { strategy });
      for (const one of played) {
        const turn = play(scene, one);
        if (turn === undefined) continue;
        const wrong = findWrong(turn);
        if (wrong.length > 0) expect(wrong).toEqual([]);
      }
    }),
    { seed: 2, numRuns: 500 },
  );
}

function play(scene: Scene, one: Step): Turn | undefined {
  const { hub } = scene;
  const before = waitingIn(scene);
  const slotsBefore = countSlots(scene);
  const known = new Map(hub.slots);
  const asked = one.does === "ask" ? waitingOf(scene, one) : undefined;
  const isKept = [...hub.reserved.values()].some(
    ({ runId, lane }) => runId === asked?.runId && lane === asked.lane,
  );
  perform(scene, one);
  if (one.does === "pass" && one.isLate) return undefined;
  const isGiving = ["ask", "come", "move"].includes(one.does);
  const given = slotsIn(scene).filter(({ token }) => isGiving && known.get(token) !== hub.slots.get(token));
  const invited = inviteNext(hub, scene.now);
  scene.invitations = [...invited, ...scene.invitations].slice(0, 5);
  const kept = invited.filter(({ reservation }) => reservation !== undefined).map(({ waiting }) => waiting);
  if (hub.looks.isWanted) scene.look();
  return { scene, given, asked: isKept ? undefined : asked, before, slotsBefore, kept };
}

/** By run, without those that have run out. */
function countSlots({ hub, now }: Scene): Map<string, number> {
  const all = [...hub.slots.values(), ...hub.reserved.values()].filter(({ until }) => until > now);
  return new Map([...Map.groupBy(all, ({ runId }) => runId)].map(([runId, slots]) => [runId, slots.length]));
}

function waitingOf(scene: Scene, one: Extract<Step, { does: "ask" }>): Waiting {
  const { runId, lane, need, priority, avoid } = question(one.run, {
    need: one.need,
    priority: one.priority,
    avoid: one.avoid,
  });
  return { runId, lane, need, priority, avoid, since: scene.now, turn: scene.hub.turn };
}

function perform(scene: Scene, one: Step): void {
  const { hub } = scene;
  const slot = "nth" in one ? slotsIn(scene)[one.nth] : undefined;
  const invited = "nth" in one ? [...scene.hub.reserved.values()][one.nth] : undefined;
  switch (one.does) {
    case "ask":
      scene.ask(one.run, { need: one.need, priority: one.priority, avoid: one.avoid });
      return;
    case "release":
      if (slot !== undefined) scene.end(slot, one.end);
      return;
    case "move":
      if (slot !== undefined) scene.move(slot);
      return;
    case "come":
      if (invited !== undefined)
        scene.ask(invited.runId, { lane: invited.lane, need: JSON.parse(invited.lane) });
      return;
    case "answer": {
      const invitation = scene.invitations[one.nth];
      const { isWanted, next } = one;
      if (invitation !== undefined)
        takeAnswer(hub, invitation, { isWanted, ...(next === undefined ? {} : { next }) }, scene.now);
      return;
    }
    case "renew":
      renew(hub, slotsIn(scene), scene.now);
      return;
    case "pass":
      scene.pass(one.ms);
      return;
    case "seen":
      if (hub.members.has(one.id)) scene.seen(one.id, one.isHealthy);
      return;
    case "report":
      scene.pass(1);
      scene.report({});
      return;
    case "fail":
      scene.fail(one.id);
      return;
    case "remove":
      removeInstance(hub, one.id);
      return;
    case "put":
      for (const given of INSTANCES.filter((instance) => instance.id === one.id)) scene.put(given);
      return;
    default:
      throw new Error(`unknown step ${JSON.stringify(one satisfies never)}`);
  }
}

/** A minute of waiting lifts a class; written here again, on purpose. */
const classOf = ({ priority, since }: Waiting, now: number): number =>
  PRIORITIES.indexOf(priority) - Math.floor((now - since) / 60_000);

const isEqual = (one: Waiting, other: Waiting): boolean =>
  JSON.stringify([one.need, one.avoid]) === JSON.stringify([other.need, other.avoid]);

describe("whatever happens", () => {
  test("no instance has more calls and kept slots than it takes", () => {
    holds(({ scene }) => membersIn(scene).filter((member) => member.load > capacityOf(member)));
  });

  test("what an instance is said to have in hand is what it has in hand", () => {
    holds(({ scene: { hub } }) => {
      const held = [...hub.slots.values(), ...hub.reserved.values()];
      const countAt = (id: string) => held.filter(({ instance }) => instance === id).length;
      return [...hub.members.values()].filter(({ spec, load }) => load !== countAt(spec.id));
    });
  });

  test("no call goes to an instance that is closed", () => {
    holds(({ scene: { hub, now }, given }) =>
      given.filter(({ instance }) => (hub.members.get(instance)?.closedUntil ?? 0) > now),
    );
  });

  test("no call goes to one that is sick, nor to one on trial that has another in hand", () => {
    holds(({ scene: { hub, now }, given }) =>
      given.filter(({ instance }) => {
        const member = hub.members.get(instance);
        if (member === undefined) return true;
        return isSick(member, now) || (isOnTrial(member, now) && member.load > 1);
      }),
    );
  });

  test("nobody waits for whom there is a slot, or nothing to wait for", () => {
    holds(({ scene }) =>
      waitingIn(scene).filter(
        (waiting) => !["busy", "unknown"].includes(assess(scene.hub, waiting, scene.now).kind),
      ),
    );
  });

  test("whoever waits for somebody to be found has somebody looking", () => {
    holds(({ scene }) => {
      const { hub, now } = scene;
      if (hub.looks.isWanted || isLooking(hub.looks, now)) return [];
      return waitingIn(scene).filter((waiting) => assess(hub, waiting, now).kind === "unknown");
    });
  });

  test("slots are kept for the more urgent first", () => {
    holds(({ scene, kept }) =>
      kept.filter((one) =>
        waitingIn(scene).some(
          (other) => isEqual(one, other) && classOf(one, scene.now) > classOf(other, scene.now),
        ),
      ),
    );
  });

  test("nobody who comes later is served before others that wait for the same", () => {
    holds(({ scene, given, asked, before, slotsBefore }) => {
      if (asked === undefined || given.length === 0) return [];
      const others = before.filter((other) => isEqual(asked, other) && other.runId !== asked.runId);
      const slotsOf = ({ runId }: Waiting) => slotsBefore.get(runId) ?? 0;
      return others.filter((other) => {
        const classes = classOf(other, scene.now) - classOf(asked, scene.now);
        return classes < 0 || (classes === 0 && slotsOf(other) <= slotsOf(asked));
      });
    });
  });

  test("the hub looks again in time: never in the past, and not for ever where time changes something", () => {
    holds(({ scene }) => {
      const { hub, now } = scene;
      const due = scene.due();
      const changes = [
        ...[...hub.slots.values(), ...hub.reserved.values()].map(({ until }) => until),
        ...membersIn(scene).map(({ closedUntil }) => closedUntil),
        ...membersIn(scene).map(({ breaker }) => (breaker.state === "open" ? breaker.until : 0)),
      ].filter((time) => time > now);
      const isLate = hub.waiting.size > 0 && changes.some((time) => due > Math.max(...changes, time));
      return due < now || isLate ? [{ due, now, changes }] : [];
    });
  });
});

/** One slot at a time: a run that was invited and has not come yet does not wait. */
test("two runs with equal needs have slots that differ by one at most, while both wait", () => {
  fc.assert(
    fc.property(
      fc.constantFrom<Strategy>(...STRATEGIES),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.nat(9), { minLength: 10, maxLength: 60, size: "max" }),
      (strategy, maxConcurrent, ends) => {
        const scene = sceneOf(
          ["a", "b"].map((name) => ({ id: name, maxConcurrent })),
          { strategy },
        );
        for (let place = 0; place < 2 * maxConcurrent; place++) scene.take("filler");
        for (const name of ["one", "two"]) expect(scene.place(name)).toBe("parked");
        for (const nth of ends) {
          const slots = slotsIn(scene);
          const filler = slots.find(({ runId }) => runId === "filler");
          scene.end(filler ?? found(slots[nth % slots.length], "slot"), ANSWERED);
          const [invited = ""] = scene.invite();
          scene.take(invited);
          expect(scene.place(invited)).toBe("parked");
          const countOf = (name: string) => slotsIn(scene).filter(({ runId }) => runId === name).length;
          expect(Math.abs(countOf("one") - countOf("two"))).toBeLessThanOrEqual(1);
        }
      },
    ),
    { seed: 11, numRuns: 200 },
  );
});
