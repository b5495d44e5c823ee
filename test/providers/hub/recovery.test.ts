/** What was out gets calls again: its share under each strategy, at once, and no flood to make up for lost time. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../../src/contract/limits.ts";
import { STRATEGIES, type Strategy } from "../../../src/contract/provider.ts";
import { removeInstance } from "../../../src/providers/hub/hub.ts";
import { busyFor, type Scene, sceneOf, serve } from "./scene.ts";

const CALLS = 600;

/** Each way to be out while others work, and to be back. */
const ABSENCES: Record<string, (scene: Scene) => void> = {
  "its calls failed": (scene) => {
    scene.fail("c");
    serve(scene, CALLS);
    scene.pass(TIMING.breakerMs);
  },
  "it did not answer when somebody looked": (scene) => {
    scene.seen("c", false);
    serve(scene, CALLS);
    scene.seen("c");
  },
  "it did not answer for long": (scene) => {
    for (let check = 0; check < 5; check++) scene.seen("c", false);
    serve(scene, CALLS);
    scene.seen("c");
  },
  "it had asked to be left alone": (scene) => {
    scene.end({ token: "t", runId: "x", instance: "c" }, busyFor(CALLS));
    serve(scene, CALLS);
  },
  "another one was out too, and still is": (scene) => {
    scene.fail("c");
    scene.fail("out");
    serve(scene, CALLS);
    scene.pass(TIMING.breakerMs);
    scene.seen("out", false);
  },
  "it was removed, and is registered again": (scene) => {
    removeInstance(scene.hub, "c");
    serve(scene, CALLS);
    scene.put({ id: "c", maxConcurrent: 10 });
  },
  "it is new": (scene) => {
    removeInstance(scene.hub, "c");
    serve(scene, CALLS);
    scene.put({ id: "new", maxConcurrent: 10 });
  },
};

function poolOf(strategy: Strategy, absence: string): Scene {
  const ids = absence.includes("another one") ? ["a", "b", "c", "out"] : ["a", "b", "c"];
  const scene = sceneOf(
    ids.map((id) => ({ id, maxConcurrent: 10 })),
    { strategy },
  );
  serve(scene, CALLS);
  return scene;
}

const cases = STRATEGIES.flatMap((strategy) =>
  Object.keys(ABSENCES).map((absence) => ({ strategy, absence })),
);

describe("an instance that is back", () => {
  test.each(cases)(
    "$strategy: gets a third of the calls of three, where $absence",
    ({ strategy, absence }) => {
      const scene = poolOf(strategy, absence);
      ABSENCES[absence]?.(scene);
      const back = absence === "it is new" ? "new" : "c";
      const first = serve(scene, 30).get(back) ?? 0;
      expect(first).toBeGreaterThanOrEqual(4);
      expect(first).toBeLessThanOrEqual(17);
      const later = serve(scene, 90).get(back) ?? 0;
      expect(later).toBeGreaterThanOrEqual(18);
      expect(later).toBeLessThanOrEqual(45);
    },
  );
});

test("weights hold again when a heavy instance is back", () => {
  const scene = sceneOf(
    [
      { id: "heavy", weight: 3, maxConcurrent: 10 },
      { id: "light", weight: 1, maxConcurrent: 10 },
    ],
    { strategy: "weighted" },
  );
  scene.fail("heavy");
  expect(serve(scene, 200).get("light")).toBe(200);
  scene.pass(TIMING.breakerMs);
  serve(scene, 20);
  expect(Math.abs((serve(scene, 400).get("heavy") ?? 0) - 300)).toBeLessThanOrEqual(4);
});

test("an instance that is sick for good costs a trial now and then, and no more", () => {
  const scene = sceneOf([{ id: "good" }, { id: "bad" }]);
  let failed = 0;
  for (let second = 0; second < 600; second++) {
    scene.pass(1000);
    const slot = scene.take(`run-${second}`);
    if (slot.instance === "bad") failed++;
    scene.end(
      slot,
      slot.instance === "bad" ? { kind: "failed", code: "timeout" } : { kind: "answered", latencyMs: 5 },
    );
  }
  // Five to notice, then after 10, 20, 40, 60, 60 … seconds.
  expect(failed).toBeGreaterThanOrEqual(5 + 8);
  expect(failed).toBeLessThanOrEqual(5 + 13);
});
