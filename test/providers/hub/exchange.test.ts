/** A call failed at its instance: another one at once, since this call has waited already. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../../src/contract/limits.ts";
import { errorOf, placeOf, sceneOf } from "./scene.ts";

const places = (...ids: string[]) => sceneOf(ids.map((id) => ({ id, maxConcurrent: 1 })));
const at = (instance: string) => ({ need: { protocol: "llm/v1", instance } });

describe("a call that moves on", () => {
  test("gets another instance, and its old slot is free", () => {
    const scene = places("a", "b");
    const slot = scene.take("x");
    const moved = placeOf(scene.move(slot));
    expect([slot.instance, moved].sort()).toEqual(["a", "b"]);
    expect([scene.member(slot.instance).load, scene.member(moved).load]).toEqual([0, 1]);
    expect(scene.hub.slots.size).toBe(1);
  });

  test("counts as a failure of the instance it leaves", () => {
    const scene = sceneOf([{ id: "a" }, { id: "b" }]);
    for (let call = 0; call < 5; call++) scene.move(scene.take("x", { avoid: ["b"] }));
    expect(scene.member("a").failed).toBe(5);
    expect(scene.member("a").breaker.state).toBe("open");
  });

  test("goes before those who wait, who are invited to the slot that it left", () => {
    const scene = places("a", "b");
    const slots = [scene.take("x"), scene.take("x")];
    scene.place("urgent", { priority: "urgent" });
    const [first, second] = slots;
    if (first === undefined || second === undefined) throw new Error("two slots");
    scene.end(second);
    expect(placeOf(scene.move(first))).toBe(second.instance);
    expect(scene.invite()).toEqual(["urgent"]);
    expect(scene.place("urgent")).toBe(first.instance);
  });

  test("never comes to one where it has failed", () => {
    const scene = places("a", "b", "c");
    const first = scene.take("x");
    const second = placeOf(scene.move(first));
    const third = placeOf(scene.move({ ...first, instance: second }, [first.instance]));
    expect([first.instance, second, third].sort()).toEqual(["a", "b", "c"]);
    const end = scene.move({ ...first, instance: third }, [first.instance, second]);
    expect(errorOf(end).code).toBe("provider_unavailable");
  });

  test("is told to wait where the others are only busy, and the hub does not note it", () => {
    const scene = places("a", "b");
    const slots = [scene.take("x"), scene.take("y")];
    const [first] = slots;
    if (first === undefined) throw new Error("a slot");
    expect(scene.move(first)).toEqual({ kind: "parked" });
    expect([scene.hub.waiting.size, scene.hub.slots.size]).toEqual([0, 1]);
  });

  test("is told to wait where the other has asked to be left alone for a while", () => {
    const scene = places("a", "b");
    const slot = scene.take("x", at("b"));
    scene.end(slot, { kind: "failed", code: "provider_unavailable", retryAfterMs: 5000 });
    expect(scene.move(scene.take("x")).kind).toBe("parked");
  });

  test("is refused where there is no other, or all others are sick", () => {
    const alone = places("a");
    expect(alone.move(alone.take("x")).kind).toBe("refused");
    const scene = places("a", "b");
    const slot = scene.take("x", { avoid: ["b"] });
    scene.seen("b", false);
    expect(scene.move(slot).kind).toBe("refused");
    expect(scene.hub.slots.size).toBe(0);
  });

  test("is refused where the task names its instance", () => {
    const scene = places("a", "b");
    expect(scene.move(scene.take("x", at("a")), [], at("a")).kind).toBe("refused");
  });

  test("gets one that has the model", () => {
    const need = { protocol: "llm/v1", model: "llama3.2" };
    const having = { offering: { models: ["llama3.2:latest"] } };
    const scene = sceneOf([
      { id: "a", ...having },
      { id: "bare", offering: { models: [] } },
      { id: "b", ...having },
    ]);
    const slot = scene.take("x", { need });
    expect(["a", "b"]).toContain(placeOf(scene.move(slot, [], { need })));
    expect(scene.member("bare").load).toBe(0);
  });

  test("gets a slot that was kept for a run that never came, as soon as that is over", () => {
    const scene = places("a", "b");
    const [first, second] = [scene.take("x"), scene.take("x")];
    scene.place("absent");
    scene.end(second);
    expect(scene.invite()).toEqual(["absent"]);
    scene.pass(TIMING.reservationMs);
    expect(placeOf(scene.move(first))).toBe(second.instance);
  });
});
