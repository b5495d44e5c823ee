/** Those who wait for a slot: who is next, and when the hub looks again. */
import { describe, expect, test } from "vitest";
import { CAPACITY, TIMING } from "../../../src/contract/limits.ts";
import type { HeldSlot } from "../../../src/contract/sync.ts";
import type { Priority } from "../../../src/contract/workflow.ts";
import { removeInstance } from "../../../src/providers/hub/hub.ts";
import { inviteNext } from "../../../src/providers/hub/queue.ts";
import { renew } from "../../../src/providers/hub/slots.ts";
import { busyFor, found, free, fullScene, newSceneOf, type Scene, sceneOf } from "./scene.ts";

const MINUTE = 60_000;

/** In which order runs that wait are served, one slot at a time, each used at once. */
function servedInOrder(scene: Scene, slot: HeldSlot): string[] {
  const order: string[] = [];
  for (let held = slot; ; ) {
    const [next] = free(scene, held);
    if (next === undefined) return order;
    order.push(next);
    held = scene.take(next);
  }
}

describe("who waits", () => {
  test("is served first come, first served", () => {
    const { scene, slot } = fullScene();
    for (const run of ["a", "b", "c"]) {
      scene.pass(1);
      scene.ask(run);
    }
    expect(servedInOrder(scene, slot)).toEqual(["a", "b", "c"]);
  });

  test("is served by priority, before anything else", () => {
    const { scene, slot } = fullScene();
    const priorities: Priority[] = ["low", "normal", "urgent", "high"];
    for (const priority of priorities) scene.ask(priority, { priority });
    expect(servedInOrder(scene, slot)).toEqual(["urgent", "high", "normal", "low"]);
  });

  test("rises one class with every minute of waiting", () => {
    const { scene, slot, other } = fullScene();
    scene.ask("patient", { priority: "low" });
    scene.pass(MINUTE - 1);
    renew(scene.hub, [slot, other], scene.now);
    scene.ask("normal");
    expect(free(scene, slot)).toEqual(["normal"]);
    scene.pass(1);
    renew(scene.hub, [other], scene.now);
    scene.ask("late");
    // Both are of the class "normal" by now: the one that came first.
    expect(free(scene, other)).toEqual(["patient"]);
  });

  test("comes before an urgent task that is new, in the end: nobody starves", () => {
    const { scene, slot } = fullScene();
    scene.ask("patient", { priority: "low" });
    scene.pass(4 * MINUTE);
    scene.ask("urgent", { priority: "urgent" });
    expect(free(scene, slot)[0]).toBe("patient");
  });

  test("comes before a run that has more slots, though that came first", () => {
    const scene = sceneOf([{ id: "spark", maxConcurrent: 2 }]);
    const slot = scene.take("greedy");
    scene.take("greedy");
    scene.ask("greedy");
    scene.pass(1);
    scene.ask("modest");
    expect(free(scene, slot)).toEqual(["modest"]);
  });

  test("does not, if that is of a higher class", () => {
    const scene = sceneOf([{ id: "spark", maxConcurrent: 2 }]);
    const slot = scene.take("greedy");
    scene.take("greedy");
    scene.ask("greedy", { priority: "high" });
    scene.ask("modest");
    expect(free(scene, slot)).toEqual(["greedy"]);
  });

  test("comes before a run for which a slot is kept already", () => {
    const { scene, slot, other } = fullScene();
    scene.ask("greedy", { lane: "one" });
    scene.pass(1);
    scene.ask("greedy", { lane: "two" });
    scene.pass(1);
    scene.ask("modest");
    scene.end(slot);
    scene.end(other);
    expect(scene.invite()).toEqual(["greedy", "modest"]);
  });

  test("waits once for each need, since it asked first and with its most urgent task", () => {
    const { scene, slot } = fullScene();
    const since = scene.now;
    scene.ask("a", { priority: "low" });
    scene.ask("b");
    scene.pass(1);
    scene.ask("a", { priority: "high" });
    scene.ask("a", { priority: "low" });
    expect([...scene.hub.waiting.values()]).toMatchObject([
      { runId: "a", priority: "high", since },
      { runId: "b" },
    ]);
    expect(servedInOrder(scene, slot)).toEqual(["a", "b"]);
  });

  test("waits for each of its needs by itself", () => {
    const { scene, slot, other } = fullScene();
    scene.ask("a", { lane: "small model" });
    scene.ask("a", { lane: "large model" });
    scene.end(slot);
    scene.end(other);
    const invited = inviteNext(scene.hub, scene.now).map(({ waiting }) => waiting.lane);
    expect(invited).toEqual(["small model", "large model"]);
  });

  test("does not hold up others whose instance is free", () => {
    const at = (instance: string) => ({ need: { protocol: "llm/v1", instance } });
    const scene = sceneOf([
      { id: "a", maxConcurrent: 1 },
      { id: "b", maxConcurrent: 1 },
    ]);
    scene.take("x", at("a"));
    const slot = scene.take("x", at("b"));
    scene.ask("first", { ...at("a"), priority: "urgent" });
    scene.pass(1);
    scene.ask("second", { ...at("b"), priority: "low" });
    expect(free(scene, slot)).toEqual(["second"]);
  });

  test(`is forgotten beyond ${CAPACITY.hubWaiting} and has to ask again by itself`, () => {
    const { scene } = fullScene();
    for (let index = 0; index < CAPACITY.hubWaiting; index++) scene.ask(`run-${index}`);
    expect(scene.place("one more")).toBe("parked");
    expect(scene.hub.waiting.size).toBe(CAPACITY.hubWaiting);
  });
});

describe("those who wait for an instance that is gone", () => {
  const waiting = () => {
    const scene = sceneOf([{ id: "spark", maxConcurrent: 1 }]);
    const slot = scene.take("x");
    scene.place("a");
    return { scene, slot };
  };

  test("are invited, to be told so", () => {
    const { scene } = waiting();
    removeInstance(scene.hub, "spark");
    expect([scene.invite(), scene.place("a")]).toEqual([["a"], "refused"]);
  });

  test("are invited, or looked for others for, though nobody has done so for long", () => {
    const { scene, slot } = waiting();
    scene.pass(TIMING.freshMs);
    renew(scene.hub, [slot], scene.now);
    removeInstance(scene.hub, "spark");
    const invited = scene.invite();
    expect(invited.length > 0 || scene.hub.looks.isWanted).toBe(true);
    expect([scene.place("a"), scene.hub.looks.isWanted]).toEqual(["parked", true]);
  });

  test("are given another, where there is one", () => {
    const { scene } = waiting();
    scene.put({ id: "attic" });
    removeInstance(scene.hub, "spark");
    expect([scene.invite(), scene.place("a")]).toEqual([["a"], "attic"]);
  });

  test("are not disturbed by the slots kept or held there", () => {
    const { scene, slot } = waiting();
    scene.end(slot);
    expect(scene.invite()).toEqual(["a"]);
    removeInstance(scene.hub, "spark");
    scene.put({ id: "attic" });
    expect(scene.place("a")).toBe("attic");
    expect(scene.hub.reserved.size).toBe(0);
  });

  test("come back to it when it is there again, and calls that are still at it count", () => {
    const { scene, slot } = waiting();
    removeInstance(scene.hub, "spark");
    scene.put({ id: "spark", maxConcurrent: 1 });
    expect([scene.invite(), scene.place("b")]).toEqual([[], "parked"]);
    scene.end(slot);
    expect(scene.invite()).toEqual(["a"]);
  });
});

describe("the hub looks again", () => {
  test("when the first lease or reservation ends, if anybody waits", () => {
    const { scene, slot } = fullScene();
    scene.ask("a");
    expect(scene.due()).toBe(scene.now + TIMING.leaseMs);
    free(scene, slot);
    scene.ask("b");
    expect(scene.due()).toBe(scene.now + TIMING.reservationMs);
  });

  test("when an instance that wanted a pause takes calls again", () => {
    const { scene, slot } = fullScene();
    scene.end(slot, busyFor(3000));
    scene.ask("a");
    expect(scene.due()).toBe(scene.now + 3000);
  });

  test("after a look that got lost: by its time another one is asked for", () => {
    const scene = newSceneOf([]);
    expect(scene.place("a")).toBe("parked");
    scene.invite();
    scene.look();
    scene.pass(TIMING.lookMs);
    expect(scene.invite()).toEqual([]);
    expect(scene.hub.looks.isWanted).toBe(true);
  });

  test("when a look is given up that somebody waits for", () => {
    const scene = sceneOf([]);
    scene.pass(TIMING.freshMs);
    scene.ask("a");
    scene.look();
    expect(scene.due()).toBe(scene.now + TIMING.lookMs);
    scene.pass(TIMING.lookMs);
    scene.invite();
    // Asked to look again, by the hub itself or by the run that it invites.
    const isWaiting = scene.hub.waiting.size > 0;
    expect(!isWaiting || scene.hub.looks.isWanted).toBe(true);
  });

  test("never, if nobody waits", () => {
    expect(fullScene().scene.due()).toBe(Number.POSITIVE_INFINITY);
  });
});

test("under overload urgent tasks start first, and two runs share the slots evenly", () => {
  const scene = sceneOf(["a", "b", "c"].map((id) => ({ id, maxConcurrent: 1 })));
  const running = ["x", "x", "x"].map((run) => scene.take(run));
  for (let task = 0; task < 100; task++) {
    scene.ask("one", { lane: `lane-${task}`, priority: task % 10 === 0 ? "urgent" : "normal" });
    scene.ask("two", { lane: `lane-${task}`, priority: task % 10 === 0 ? "urgent" : "normal" });
  }
  const started: { runId: string; lane: string }[] = [];
  while (scene.hub.waiting.size > 0) {
    scene.pass(10);
    scene.end(found(running.shift(), "running call"));
    for (const { waiting } of inviteNext(scene.hub, scene.now)) {
      const { runId, lane } = waiting;
      started.push({ runId, lane });
      running.push(scene.take(runId, { lane }));
      const held = running.filter((slot) => slot.runId === "one").length;
      const most = running.filter((slot) => slot.runId === "two").length;
      if (started.length >= 3) expect(Math.abs(held - most)).toBeLessThanOrEqual(1);
    }
  }
  expect(started).toHaveLength(200);
  expect(started.slice(0, 20).every(({ lane }) => Number(lane.slice(5)) % 10 === 0)).toBe(true);
  expect(started.slice(0, 100).filter(({ runId }) => runId === "one")).toHaveLength(50);
});
