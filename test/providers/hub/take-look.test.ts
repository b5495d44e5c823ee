/** A look at a hub's instances: what it is to cover, and what comes of what it found. */
import { describe, expect, test } from "vitest";
import { LIMITS, TIMING } from "../../../src/contract/limits.ts";
import type { Candidate } from "../../../src/providers/hub/spec.ts";
import { viewInstances } from "../../../src/providers/hub/view.ts";
import { ANSWERED, newSceneOf, sceneOf } from "./scene.ts";

const LOCAL: Candidate = { kind: "ollama", url: "http://127.0.0.1:11434" };
const OTHER: Candidate = { kind: "ollama", url: "http://127.0.0.1:11435" };
const ID = "ollama-127-0-0-1-11434";
const NOBODY = { notFound: [{ ...LOCAL, reason: "nobody answers there" }] };
const offering = { models: ["llama3.2:latest"] };

describe("a look", () => {
  test("is at all instances, and at the addresses where there may be others", () => {
    const scene = newSceneOf([{ id: "spark", url: OTHER.url, sealedHeaders: "sealed" }]);
    expect(scene.look([LOCAL, OTHER])).toEqual({
      id: 1,
      protocol: "llm/v1",
      instances: [{ id: "spark", kind: "ollama", url: OTHER.url, sealedHeaders: "sealed" }],
      candidates: [LOCAL],
    });
  });

  test("is one at a time, until it is reported or given up", () => {
    const scene = newSceneOf([{ id: "spark" }]);
    scene.look();
    scene.pass(TIMING.lookMs - 1);
    expect(scene.look()).toBeUndefined();
    scene.pass(1);
    expect(scene.look()).toBeDefined();
    scene.pass(10);
    scene.report({});
    expect(scene.look()).toBeDefined();
  });

  test("is one at a time, also where it begins in the moment in which another ends", () => {
    const scene = newSceneOf([]);
    scene.look([LOCAL]);
    scene.pass(10);
    scene.report(NOBODY);
    scene.hub.looks.isWanted = true;
    expect(scene.look([LOCAL])).toBeDefined();
    expect(scene.look([LOCAL])).toBeUndefined();
    expect(scene.place("a")).toBe("parked");
  });

  test("begins with those that were not looked at for longest: there may not be time for all", () => {
    const scene = sceneOf([{ id: "a" }, { id: "b" }, { id: "never" }]);
    for (const id of ["b", "a"]) {
      scene.pass(1000);
      scene.seen(id);
    }
    expect(scene.look()?.instances.map(({ id }) => id)).toEqual(["never", "b", "a"]);
  });

  test("takes in addresses every five minutes, and when somebody needs an instance", () => {
    const scene = newSceneOf([{ id: "spark" }]);
    const candidates = () => {
      const look = scene.look([LOCAL]);
      scene.pass(10);
      scene.report(NOBODY);
      return look?.candidates.length;
    };
    expect([candidates(), candidates()]).toEqual([1, 0]);
    scene.hub.looks.isWanted = true;
    expect([candidates(), candidates()]).toEqual([1, 0]);
    scene.pass(TIMING.discoveryMs);
    expect([candidates(), candidates()]).toEqual([1, 0]);
  });

  test("that is wanted while another is under way is not forgotten", () => {
    const scene = sceneOf([]);
    scene.pass(TIMING.freshMs);
    scene.look();
    scene.pass(TIMING.freshMs);
    scene.ask("a");
    expect(scene.look([LOCAL])).toBeUndefined();
    scene.pass(1);
    scene.report({});
    scene.invite();
    expect(scene.hub.looks.isWanted).toBe(true);
    expect(scene.look([LOCAL])?.candidates).toEqual([LOCAL]);
  });

  test("that took long answers those who waited for it as well as a short one", () => {
    const scene = newSceneOf([]);
    scene.ask("a");
    scene.look([LOCAL]);
    scene.pass(TIMING.lookMs - 1);
    scene.report(NOBODY);
    expect(scene.invite()).toEqual(["a"]);
    expect(scene.place("a")).toBe("refused");
  });

  test("that is not the one they wait for answers nobody: somebody looked at one instance meanwhile", () => {
    const scene = newSceneOf([{ id: "spark", tags: ["other"] }]);
    const need = { protocol: "llm/v1", tags: ["gpu"] };
    scene.ask("a", { need });
    scene.look([LOCAL]);
    scene.pass(5);
    scene.seen("spark");
    expect(scene.invite()).toEqual([]);
    scene.pass(5);
    scene.report({ found: [{ ...LOCAL, offering }] });
    expect(scene.invite()).toEqual(["a"]);
  });
});

describe("what a look finds at a known instance", () => {
  test("is what it offers from now on; what changed is said", () => {
    const scene = sceneOf([{ id: "spark" }]);
    expect(scene.seen("spark", true, offering)).toEqual({ changed: ["spark"], gone: [] });
    expect(scene.seen("spark", true, offering)).toEqual({ changed: [], gone: [] });
    expect(scene.seen("spark", true, { models: [] })).toEqual({ changed: ["spark"], gone: [] });
    expect(scene.member("spark").offering).toEqual({ models: [] });
  });

  test("is not forgotten while it does not answer", () => {
    const scene = sceneOf([{ id: "spark", offering }]);
    expect(scene.seen("spark", false)).toEqual({ changed: [], gone: [] });
    expect(scene.member("spark").offering).toEqual(offering);
    expect(scene.place("a")).toBe("refused");
  });

  test("brings it back at once when it answers again, whatever its breaker says", () => {
    const scene = sceneOf([{ id: "spark", maxConcurrent: 2 }]);
    for (let check = 0; check < 7; check++) {
      scene.seen("spark", false);
      scene.pass(1000);
    }
    expect(scene.place("a")).toBe("refused");
    scene.seen("spark");
    scene.end(scene.take("a"), ANSWERED);
    scene.end(scene.take("a"), ANSWERED);
    expect([scene.place("a"), scene.place("a")]).toEqual(["spark", "spark"]);
  });

  test("does not close a breaker that calls opened which it had answered", () => {
    const scene = sceneOf([{ id: "spark" }]);
    scene.seen("spark");
    scene.fail("spark", 5, { kind: "failed", code: "provider_unavailable" });
    scene.seen("spark");
    expect(scene.place("a")).toBe("refused");
  });

  test("brings back one that calls did not reach at all, when it is there again", () => {
    const scene = sceneOf([{ id: "spark" }]);
    scene.seen("spark");
    scene.fail("spark");
    expect(scene.place("a")).toBe("refused");
    scene.seen("spark");
    expect(scene.place("a")).toBe("spark");
  });

  test("is overtaken by a call that it answers", () => {
    const scene = sceneOf([{ id: "spark" }]);
    const slot = scene.take("a");
    scene.seen("spark", false);
    scene.end(slot, ANSWERED);
    expect(scene.place("a")).toBe("spark");
  });

  test("is nothing to one that has moved meanwhile, or is gone", () => {
    const scene = sceneOf([{ id: "spark", url: "http://old:1", offering }]);
    scene.put({ id: "spark", url: "http://new:1", offering: undefined });
    const health = { healthy: true as const };
    const seen = { url: "http://old:1", health, latencyMs: 1, offering: { models: ["x"] } };
    const report = {
      instances: [
        { id: "spark", ...seen },
        { id: "gone", ...seen },
      ],
    };
    expect(scene.report(report)).toEqual({ changed: [], gone: [] });
    expect(scene.member("spark").offering).toBeUndefined();
    expect(scene.member("spark").health.status).toBe("unknown");
  });
});

describe("what a look finds at an address", () => {
  test("is an instance, healthy, with what it offers", () => {
    const scene = sceneOf([]);
    expect(scene.report({ found: [{ ...LOCAL, offering }] })).toEqual({ changed: [ID], gone: [] });
    expect(viewInstances(scene.hub, scene.now)).toMatchObject([
      { id: ID, source: "discovered", url: LOCAL.url, health: { status: "healthy" } },
    ]);
    expect(scene.place("a", { need: { protocol: "llm/v1", model: "llama3.2" } })).toBe(ID);
  });

  test.each(["registered", "configured"] as const)("never changes what is %s there", (source) => {
    const scene = sceneOf([
      { id: "mine", url: LOCAL.url, source, weight: 3, tags: ["gpu"], maxConcurrent: 7 },
    ]);
    const before = structuredClone(scene.member("mine").spec);
    expect(scene.report({ found: [{ ...LOCAL, offering }] })).toEqual({ changed: [], gone: [] });
    expect([...scene.hub.members.keys()]).toEqual(["mine"]);
    expect(scene.member("mine").spec).toEqual(before);
  });

  test("never takes a name that somebody gave to another address", () => {
    const scene = sceneOf([{ id: ID, url: "http://elsewhere:1", offering: { models: ["mine:latest"] } }]);
    scene.report({ found: [{ ...LOCAL, offering }] });
    expect(scene.member(ID)).toMatchObject({
      spec: { url: "http://elsewhere:1", source: "registered" },
      offering: { models: ["mine:latest"] },
    });
  });

  test("is one instance, however often it is found", () => {
    const scene = sceneOf([]);
    for (let times = 0; times < 3; times++)
      scene.report({
        found: [
          { ...LOCAL, offering },
          { ...LOCAL, offering },
        ],
      });
    expect(scene.hub.members.size).toBe(1);
  });

  test("is registered by hand later on, and is that person's from then on", () => {
    const scene = sceneOf([]);
    scene.report({ found: [{ ...LOCAL, offering }] });
    scene.put({ id: ID, url: LOCAL.url, maxConcurrent: 1 });
    expect(scene.member(ID).offering).toEqual(offering);
    scene.pass(2 * TIMING.goneMs);
    expect(scene.report({}).gone).toEqual([]);
  });

  test(`is left out where there are ${LIMITS.instances} instances`, () => {
    const scene = sceneOf(Array.from({ length: LIMITS.instances }, (_, index) => ({ id: `a-${index}` })));
    expect(scene.report({ found: [{ ...LOCAL, offering }] }).changed).toEqual([]);
    expect(scene.hub.members.size).toBe(LIMITS.instances);
  });
});

describe("what has not answered for an hour", () => {
  const silent = (source: "registered" | "configured" | "discovered") => {
    const scene = sceneOf([{ id: "spark", source }]);
    scene.seen("spark");
    scene.pass(TIMING.goneMs - 1);
    expect(scene.seen("spark", false).gone).toEqual([]);
    scene.pass(1);
    return scene;
  };

  test("is dropped, if it was discovered", () => {
    const scene = silent("discovered");
    expect(scene.seen("spark", false)).toEqual({ changed: [], gone: ["spark"] });
    expect(scene.hub.members.size).toBe(0);
  });

  test("stays, if it answers in the last moment, be it a call", () => {
    const scene = silent("discovered");
    expect(scene.seen("spark").gone).toEqual([]);
    const called = sceneOf([{ id: "spark", source: "discovered" }]);
    const slot = called.take("a");
    called.pass(TIMING.goneMs - 1);
    called.end(slot, ANSWERED);
    called.pass(1);
    expect(called.seen("spark", false).gone).toEqual([]);
  });

  test.each(["registered", "configured"] as const)("stays, if it is %s", (source) => {
    expect(silent(source).seen("spark", false).gone).toEqual([]);
  });
});
