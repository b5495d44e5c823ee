/** A slot comes free: for whom it is kept, for how long, and what the run that is invited to it says. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../../src/contract/limits.ts";
import { free, fullScene, sceneOf } from "./scene.ts";

describe("a slot that comes free", () => {
  test("is kept for the run that is invited to it", () => {
    const { scene, slot } = fullScene();
    scene.ask("a");
    expect(free(scene, slot)).toEqual(["a"]);
    expect(scene.place("b", { priority: "urgent" })).toBe("parked");
    expect(scene.place("a")).toBe("spark");
  });

  test("is kept once: the run's second question waits", () => {
    const { scene, slot } = fullScene();
    scene.ask("a");
    free(scene, slot);
    expect([scene.place("a"), scene.place("a")]).toEqual(["spark", "parked"]);
  });

  test("is kept for 5 seconds, then somebody else's", () => {
    const { scene, slot } = fullScene();
    scene.ask("a");
    free(scene, slot);
    scene.ask("b");
    scene.pass(5000 - 1);
    expect(scene.invite()).toEqual([]);
    scene.pass(1);
    expect(scene.invite()).toEqual(["b"]);
    expect(scene.place("a")).toBe("parked");
  });

  test("is not for who comes by in the moment when it is kept no more: others wait longer", () => {
    const { scene, slot } = fullScene();
    scene.ask("a");
    free(scene, slot);
    scene.ask("b");
    scene.pass(TIMING.reservationMs);
    expect(scene.place("newcomer")).toBe("parked");
    expect(scene.invite()).toEqual(["b"]);
  });

  test("is not for who comes by in the moment when a silent executor's lease ends either", () => {
    const { scene } = fullScene();
    scene.ask("a");
    scene.ask("b");
    scene.pass(TIMING.leaseMs);
    expect(scene.place("newcomer")).toBe("parked");
    expect(scene.invite()).toEqual(["a", "b"]);
  });

  test("goes to the next at once where the invited run has nothing left for it", () => {
    const { scene, slot } = fullScene();
    scene.ask("a");
    scene.ask("b");
    expect(free(scene, slot)).toEqual(["a"]);
    scene.decline("a");
    expect(scene.invite()).toEqual(["b"]);
  });

  test("is free once where the run declines twice", () => {
    const { scene, slot } = fullScene();
    scene.ask("a");
    free(scene, slot);
    scene.decline("a");
    scene.decline("a");
    expect(scene.member("spark").load).toBe(1);
  });

  test("invites nobody where nobody waits", () => {
    const { scene, slot } = fullScene();
    expect(free(scene, slot)).toEqual([]);
    expect(scene.place("a")).toBe("spark");
  });

  test("invites as many as there are slots, each once", () => {
    const { scene, slot, other } = fullScene();
    for (const run of ["a", "b", "c"]) scene.ask(run);
    scene.end(slot);
    scene.end(other);
    expect([scene.invite(), scene.invite()]).toEqual([["a", "b"], []]);
  });
});

describe("a run that is invited and says that it waits for more", () => {
  test("waits on at once, for its most urgent task, and anew: it was served", () => {
    const { scene, slot } = fullScene();
    scene.ask("a", { priority: "urgent" });
    scene.pass(1000);
    free(scene, slot);
    scene.answer("a", { isWanted: true, next: "low" });
    expect([...scene.hub.waiting.values()]).toMatchObject([
      { runId: "a", priority: "low", since: scene.now },
    ]);
  });

  test("does not outrank those that come later, however long it goes on", () => {
    const scene = sceneOf([{ id: "spark", maxConcurrent: 1 }]);
    let held = scene.take("busy");
    scene.ask("endless");
    const served: string[] = [];
    for (let minute = 0; minute < 10; minute++) {
      scene.pass(TIMING.leaseMs - 1);
      if (minute === 5) scene.ask("late");
      const [run = ""] = free(scene, held);
      scene.answer(run, run === "endless" ? { isWanted: true, next: "normal" } : { isWanted: true });
      held = scene.take(run);
      served.push(run);
    }
    expect(served.filter((run) => run === "late")).toEqual(["late"]);
    expect(served.indexOf("late")).toBeLessThanOrEqual(6);
  });

  test("is kept as many slots as are free, each for one of its tasks", () => {
    const { scene, slot, other } = fullScene();
    scene.ask("a");
    scene.end(slot);
    scene.end(other);
    for (let place = 0; place < 2; place++) {
      expect(scene.invite()).toEqual(["a"]);
      scene.answer("a", { isWanted: true, next: "normal" });
    }
    expect(scene.invite()).toEqual([]);
    expect(["a", "b", "a", "a"].map((run) => scene.place(run))).toEqual([
      "spark",
      "parked",
      "spark",
      "parked",
    ]);
  });

  test("takes turns with others that have as many slots", () => {
    const scene = sceneOf([{ id: "spark", maxConcurrent: 6 }]);
    const slots = Array.from({ length: 6 }, () => scene.take("busy"));
    scene.ask("a");
    scene.ask("b");
    for (const slot of slots) scene.end(slot);
    const order: string[] = [];
    for (let invited = scene.invite(); invited.length > 0; invited = scene.invite()) {
      order.push(...invited);
      for (const runId of invited) scene.answer(runId, { isWanted: true, next: "normal" });
    }
    expect(order).toEqual(["a", "b", "a", "b", "a", "b"]);
  });

  test("waits as it said itself, where it has asked meanwhile", () => {
    const { scene, slot } = fullScene();
    scene.ask("a");
    free(scene, slot);
    scene.place("a");
    scene.place("a", { priority: "urgent" });
    scene.answer("a", { isWanted: true, next: "low" });
    expect([...scene.hub.waiting.values()]).toMatchObject([{ runId: "a", priority: "urgent" }]);
  });

  test("gives the slot back that it does not want for this", () => {
    const { scene, slot } = fullScene();
    scene.ask("a");
    free(scene, slot);
    scene.decline("a");
    expect([scene.hub.waiting.size, scene.member("spark").load]).toEqual([0, 1]);
  });

  test("does not wait on where there is nothing to wait for: it would be invited again without end", () => {
    const { scene } = fullScene();
    scene.ask("a");
    scene.seen("spark", false);
    expect(scene.invite()).toEqual(["a"]);
    scene.answer("a", { isWanted: true, next: "normal" });
    expect(scene.invite()).toEqual([]);
  });
});
