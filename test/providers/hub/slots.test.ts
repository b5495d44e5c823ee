/** Who may call which instance: slots are given at once or not at all, once for each token, and for a time. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../../src/contract/limits.ts";
import { acquire, release, renew } from "../../../src/providers/hub/slots.ts";
import { ANSWERED, busyFor, FAILED, found, question, sceneOf, UNUSED } from "./scene.ts";

const twoPlaces = () => sceneOf([{ id: "spark", maxConcurrent: 2 }]);

describe("a slot", () => {
  test("is given at once while there is one, with how to reach the instance", () => {
    const scene = sceneOf([{ id: "spark", url: "http://spark:11434", maxConcurrent: 2 }]);
    const instance = { id: "spark", kind: "ollama", url: "http://spark:11434" };
    expect(scene.ask("a")).toEqual({ kind: "granted", instance });
    expect(scene.ask("b").kind).toBe("granted");
    expect(scene.ask("c")).toEqual({ kind: "parked" });
  });

  test("carries the instance's headers sealed, and whether it may pull", () => {
    const scene = sceneOf([{ id: "spark", sealedHeaders: "sealed", allowPull: true }]);
    expect(scene.ask("a")).toMatchObject({ instance: { sealedHeaders: "sealed", allowPull: true } });
  });

  test("is given once for a token, however often that asks, at the same instance", () => {
    const scene = sceneOf([
      { id: "spark", maxConcurrent: 1 },
      { id: "attic", maxConcurrent: 1 },
    ]);
    const asked = question("a");
    const first = acquire(scene.hub, asked, scene.now);
    for (let times = 0; times < 5; times++) expect(acquire(scene.hub, asked, scene.now)).toEqual(first);
    expect(scene.hub.slots.size).toBe(1);
    expect([scene.place("b"), scene.place("c")]).toContain("parked");
  });

  test("is free again when it is released; released twice it is free once", () => {
    const scene = twoPlaces();
    const slot = scene.take("a");
    scene.take("b");
    scene.end(slot);
    scene.end(slot);
    release(scene.hub, [{ token: "unknown", runId: "x", instance: "spark", end: UNUSED }], scene.now);
    expect([scene.place("c"), scene.place("d")]).toEqual(["spark", "parked"]);
  });

  test("that is released can be taken again under the same token", () => {
    const scene = twoPlaces();
    const asked = question("a");
    acquire(scene.hub, asked, scene.now);
    release(scene.hub, [{ token: asked.token, runId: "a", instance: "spark", end: ANSWERED }], scene.now);
    expect(acquire(scene.hub, asked, scene.now).kind).toBe("granted");
    expect(scene.member("spark").load).toBe(1);
  });

  test("is leased: without a sign of life it is free again", () => {
    const scene = twoPlaces();
    scene.take("x");
    scene.take("x");
    scene.pass(TIMING.leaseMs - 1);
    expect(scene.place("a")).toBe("parked");
    scene.pass(1);
    expect(scene.invite()).toEqual(["a"]);
  });

  test("is kept as long as its lease is renewed", () => {
    const scene = twoPlaces();
    const held = [scene.take("x"), scene.take("x")];
    for (let times = 0; times < 10; times++) {
      scene.pass(TIMING.renewMs);
      renew(scene.hub, held, scene.now);
      expect(scene.place("a")).toBe("parked");
    }
  });

  test("that is renewed after the hub lost its memory is taken again, whosever it is", () => {
    const slot = twoPlaces().take("x");
    const scene = sceneOf([{ id: "spark", maxConcurrent: 1 }]);
    renew(scene.hub, [slot], scene.now);
    renew(scene.hub, [slot], scene.now);
    expect([scene.hub.slots.get(slot.token)?.runId, scene.member("spark").load]).toEqual(["x", 1]);
    expect(scene.place("a")).toBe("parked");
    scene.end(slot);
    expect(scene.invite()).toEqual(["a"]);
  });

  test("is as many as the instance says, where nobody said more; 4 where it says nothing", () => {
    const granted = (...given: Parameters<typeof sceneOf>[0]) => {
      const scene = sceneOf(given);
      return Array.from({ length: 10 }, () => scene.place("a")).filter((one) => one !== "parked").length;
    };
    expect(granted({ id: "a", offering: { maxConcurrent: 3 } })).toBe(3);
    expect(granted({ id: "a", maxConcurrent: 5, offering: { maxConcurrent: 3 } })).toBe(5);
    expect(granted({ id: "a" })).toBe(4);
  });
});

describe("instances to avoid", () => {
  const two = () =>
    sceneOf([
      { id: "a", maxConcurrent: 2 },
      { id: "b", maxConcurrent: 1 },
    ]);

  test("are passed over as long as there is another, even one that is busy", () => {
    const scene = two();
    expect([scene.place("x", { avoid: ["a"] }), scene.place("x", { avoid: ["a"] })]).toEqual(["b", "parked"]);
  });

  test("are taken where there is no other, or all others are sick", () => {
    const scene = two();
    expect(scene.ask("x", { avoid: ["a", "b"] }).kind).toBe("granted");
    scene.seen("b", false);
    expect(scene.place("x", { avoid: ["a"] })).toBe("a");
  });

  test("are not kept for the run, if it waits for another; and are if any of its tasks may go there", () => {
    const scene = two();
    const [first, second, third] = [scene.take("x"), scene.take("x"), scene.take("x")];
    const atA = [first, second, third].filter(({ instance }) => instance === "a");
    scene.place("y", { avoid: ["a"] });
    for (const slot of atA) scene.end(slot);
    expect(scene.invite()).toEqual([]);
    const busy = [scene.take("z", { need: { protocol: "llm/v1", instance: "a" } }), scene.take("z")];
    scene.place("y");
    for (const slot of busy) scene.end(slot);
    expect(scene.invite()).toEqual(["y"]);
  });

  test("leave the run the other slot that is kept for it", () => {
    const scene = two();
    const slots = ["x", "x", "x"].map((run) => scene.take(run));
    const [atA] = slots.filter(({ instance }) => instance === "a");
    const [atB] = slots.filter(({ instance }) => instance === "b");
    scene.place("y");
    scene.end(found(atA, "slot at a"));
    expect(scene.invite()).toEqual(["y"]);
    scene.answer("y", { isWanted: true, next: "normal" });
    scene.end(found(atB, "slot at b"));
    expect(scene.invite()).toEqual(["y"]);
    expect([scene.place("y", { avoid: ["a"] }), scene.place("y")]).toEqual(["b", "a"]);
  });
});

describe("an instance that asked to be left alone (Retry-After)", () => {
  const busy = () => {
    const scene = sceneOf([{ id: "spark", maxConcurrent: 2 }]);
    const [slot, other] = [scene.take("x"), scene.take("x")];
    return { scene, slot, other };
  };

  test("gets no call until then; who asks waits, and is invited when it is over", () => {
    const { scene, slot } = busy();
    scene.end(slot, busyFor(7000));
    expect(scene.place("a")).toBe("parked");
    expect(scene.invite()).toEqual([]);
    expect(scene.due()).toBe(scene.now + 7000);
    scene.pass(6999);
    expect([scene.invite(), scene.place("b")]).toEqual([[], "parked"]);
    scene.pass(1);
    expect(scene.invite()).toEqual(["a"]);
  });

  test("is not sick: however often it says so, its breaker stays closed", () => {
    const { scene, slot } = busy();
    for (let times = 0; times < 30; times++) scene.end(slot, busyFor(1000));
    scene.pass(1000);
    expect(scene.place("a")).toBe("spark");
  });

  test("is closed as long as it said the longest", () => {
    const { scene, slot, other } = busy();
    scene.end(slot, busyFor(7000));
    scene.end(other, busyFor(1000));
    scene.place("a");
    scene.pass(6999);
    expect(scene.invite()).toEqual([]);
  });

  test("gets no call by a slot either that was kept for a run before it said so", () => {
    const { scene, slot, other } = busy();
    scene.place("a");
    scene.end(slot);
    expect(scene.invite()).toEqual(["a"]);
    scene.end(other, busyFor(7000));
    expect(scene.place("a")).toBe("parked");
  });

  test("leaves the calls to others", () => {
    const scene = sceneOf([{ id: "a" }, { id: "b" }]);
    scene.end(scene.take("x", { avoid: ["b"] }), busyFor(60_000));
    expect([scene.place("y"), scene.place("y")]).toEqual(["b", "b"]);
  });
});

describe("an instance whose calls fail", () => {
  test("gets none after five in a row; those that were refused say why, and when to ask again", () => {
    const scene = sceneOf([{ id: "spark" }]);
    for (let call = 0; call < 4; call++) scene.end(scene.take("x"), FAILED);
    expect(scene.place("x")).toBe("spark");
    scene.fail("spark", 1);
    scene.pass(4000);
    expect(scene.ask("a")).toMatchObject({
      kind: "refused",
      retryAfterMs: TIMING.breakerMs - 4000,
      error: { code: "provider_unavailable", retryable: true, message: expect.stringContaining("spark") },
    });
    expect(scene.hub.waiting.size).toBe(0);
  });

  test("gets one trial at a time when it is half open, and all its calls after two good ones", () => {
    const scene = sceneOf([{ id: "spark", maxConcurrent: 3 }]);
    scene.fail("spark");
    scene.pass(TIMING.breakerMs);
    for (let trial = 0; trial < 2; trial++) {
      const slot = scene.take("x");
      expect(scene.place("y")).toBe("parked");
      scene.end(slot, ANSWERED);
      expect(scene.invite()).toEqual(["y"]);
      scene.decline("y");
    }
    expect(["x", "x", "x", "x"].map((run) => scene.place(run))).toEqual([
      "spark",
      "spark",
      "spark",
      "parked",
    ]);
  });

  test("gets none for twice as long when its trial fails", () => {
    const scene = sceneOf([{ id: "spark" }]);
    scene.fail("spark");
    scene.pass(TIMING.breakerMs);
    scene.end(scene.take("x"), FAILED);
    scene.pass(2 * TIMING.breakerMs - 1);
    expect(scene.place("x")).toBe("refused");
    scene.pass(1);
    expect(scene.place("x")).toBe("spark");
  });

  test("is not counted against for calls that were never made", () => {
    const scene = sceneOf([{ id: "spark" }]);
    for (let call = 0; call < 30; call++) scene.end(scene.take("x"), UNUSED);
    expect(scene.place("x")).toBe("spark");
    expect([scene.member("spark").answered, scene.member("spark").failed]).toEqual([0, 0]);
  });

  test("gets none by a slot either that was kept for a run before", () => {
    const scene = sceneOf([
      { id: "a", maxConcurrent: 1 },
      { id: "b", maxConcurrent: 1 },
    ]);
    const slots = [scene.take("x"), scene.take("x")];
    scene.place("y");
    for (const slot of slots.filter(({ instance }) => instance === "a")) scene.end(slot);
    expect(scene.invite()).toEqual(["y"]);
    scene.fail("a");
    expect(scene.place("y")).toBe("parked");
  });
});
