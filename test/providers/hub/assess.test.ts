/** What can be done about a need now: an instance, waiting, looking first, or nothing at all. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../../src/contract/limits.ts";
import { newSceneOf, sceneOf } from "./scene.ts";

describe("all well ones are busy", () => {
  test("and others are sick: it waits for the well", () => {
    const scene = sceneOf([{ id: "a", maxConcurrent: 1 }, { id: "b" }]);
    scene.seen("b", false);
    expect([scene.place("x"), scene.place("y")]).toEqual(["a", "parked"]);
  });

  test("until they fall sick: then who waits is invited, and refused", () => {
    const scene = sceneOf([{ id: "a", maxConcurrent: 1 }]);
    scene.take("x");
    scene.place("y");
    scene.seen("a", false);
    expect(scene.invite()).toEqual(["y"]);
    expect(scene.place("y")).toBe("refused");
  });
});

describe("nobody is there", () => {
  test("so somebody looks first, once; who asked waits, and is refused when nobody was found", () => {
    const scene = newSceneOf([]);
    expect([scene.place("a"), scene.hub.looks.isWanted]).toEqual(["parked", true]);
    scene.look();
    expect([scene.place("b"), scene.hub.looks.isWanted]).toEqual(["parked", false]);
    expect(scene.invite()).toEqual([]);
    scene.pass(50);
    scene.report({});
    expect(scene.invite()).toEqual(["a", "b"]);
    expect(scene.ask("a")).toMatchObject({ kind: "refused", error: { code: "no_provider" } });
    expect([scene.hub.waiting.size, scene.hub.looks.isWanted]).toEqual([0, false]);
  });

  test("and it is looked again where the last time was a while ago", () => {
    const scene = sceneOf([]);
    scene.pass(TIMING.freshMs - 2);
    expect([scene.place("a"), scene.hub.looks.isWanted]).toEqual(["refused", false]);
    scene.pass(2);
    expect([scene.place("a"), scene.hub.looks.isWanted]).toEqual(["parked", true]);
  });

  test("until one is found: then those who wait are invited", () => {
    const scene = newSceneOf([]);
    scene.place("a");
    scene.look();
    scene.pass(50);
    scene.report({ found: [{ kind: "ollama", url: "http://127.0.0.1:11434", offering: {} }] });
    expect(scene.invite()).toEqual(["a"]);
    expect(scene.place("a")).toBe("ollama-127-0-0-1-11434");
  });

  test("but one that nobody has looked at yet: it may have the model, so nothing is refused before", () => {
    const need = { protocol: "llm/v1", model: "llama3.2" };
    const scene = sceneOf([]);
    scene.put({ id: "new", offering: undefined });
    expect([scene.place("a", { need }), scene.hub.looks.isWanted]).toEqual(["parked", true]);
    scene.look();
    scene.pass(50);
    scene.seen("new", true, { models: ["llama3.2:latest"] });
    expect(scene.invite()).toEqual(["a"]);
    expect(scene.place("a", { need })).toBe("new");
  });

  test("though a model is missing everywhere: it is looked whether somebody has it by now, then refused", () => {
    const need = { protocol: "llm/v1", model: "qwen3:8b" };
    const scene = sceneOf([{ id: "spark", offering: { models: ["llama3.2:latest"] } }]);
    expect(scene.place("a", { need })).toBe("refused");
    scene.pass(TIMING.freshMs);
    expect([scene.place("a", { need }), scene.hub.looks.isWanted]).toEqual(["parked", true]);
    scene.look();
    scene.pass(50);
    scene.seen("spark", true, { models: ["llama3.2:latest", "qwen3:8b"] });
    expect(scene.invite()).toEqual(["a"]);
    expect(scene.place("a", { need })).toBe("spark");
  });
});
