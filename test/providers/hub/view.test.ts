/** How instances are shown: what is known of them, and no secret. */
import { describe, expect, test } from "vitest";
import { TIMING } from "../../../src/contract/limits.ts";
import { instanceView } from "../../../src/contract/provider.ts";
import { viewInstance, viewInstances } from "../../../src/providers/hub/view.ts";
import { ANSWERED, busyFor, found, type Given, NOW, sceneOf } from "./scene.ts";

const iso = (time: number) => new Date(time).toISOString();
const sceneAndView = (given: Omit<Given, "id"> = {}) => {
  const scene = sceneOf([{ id: "spark", ...given }]);
  return { scene, view: () => instanceView.parse(viewInstance(scene.hub, scene.member("spark"), scene.now)) };
};

test("an instance of which nothing is known yet is shown as such", () => {
  const { view } = sceneAndView({ url: "http://spark:11434" });
  expect(view()).toEqual({
    id: "spark",
    protocol: "llm/v1",
    kind: "ollama",
    url: "http://spark:11434",
    source: "registered",
    hasHeaders: false,
    weight: 1,
    maxConcurrent: 4,
    tags: [],
    allowPull: false,
    strategy: "least_loaded",
    health: { status: "unknown" },
    breaker: { state: "closed" },
    load: 0,
    calls: { answered: 0, failed: 0 },
  });
});

test("models are shown with whether they are in memory, tools by their names", () => {
  const { scene, view } = sceneAndView();
  scene.seen("spark", true, { models: ["a:1", "b:1"], loaded: ["b:1"], tools: ["t"], version: "0.9" });
  expect(view()).toMatchObject({
    version: "0.9",
    models: [
      { name: "a:1", loaded: false },
      { name: "b:1", loaded: true },
    ],
    tools: ["t"],
    health: { status: "healthy", checkedAt: iso(NOW) },
  });
});

describe("no secret is shown", () => {
  test("of the headers only that there are some", () => {
    const { scene, view } = sceneAndView({ sealedHeaders: "hidden" });
    expect(view().hasHeaders).toBe(true);
    expect(JSON.stringify(viewInstances(scene.hub, scene.now))).not.toContain("hidden");
  });

  test.each([
    ["https://a.example/hidden/mcp?key=hidden", "https://a.example"],
    ["https://user:hidden@a.example/", "https://a.example"],
    ["https://a.example/#hidden", "https://a.example"],
    ["no url: hidden", "no valid URL"],
  ])("of the address %s it is %s", (url, shown) => {
    expect(sceneAndView({ url }).view().url).toBe(shown);
  });
});

describe("how it is doing is shown", () => {
  test("by its calls, its load and its latency, of which the last call is a fifth", () => {
    const { scene, view } = sceneAndView();
    const slot = scene.take("a");
    scene.take("a");
    scene.end(slot, ANSWERED);
    expect(view()).toMatchObject({ load: 1, calls: { answered: 1, failed: 0 }, latencyMs: 100 });
    scene.end(scene.take("a"), { kind: "answered", latencyMs: 200.55 });
    scene.fail("spark", 1);
    expect(view()).toMatchObject({ calls: { answered: 2, failed: 1 }, latencyMs: 120.1 });
  });

  test("slots that are kept for invited runs are part of the load", () => {
    const { scene, view } = sceneAndView({ maxConcurrent: 1 });
    const slot = scene.take("a");
    scene.ask("b");
    scene.end(slot);
    scene.invite();
    expect(view().load).toBe(1);
  });

  test("with the reason where it does not answer", () => {
    const { scene, view } = sceneAndView();
    scene.seen("spark", false);
    expect(view().health).toEqual({ status: "unhealthy", checkedAt: iso(NOW), reason: "no answer" });
  });

  test("with when its breaker lets a trial through", () => {
    const { scene, view } = sceneAndView();
    scene.fail("spark");
    expect(view().breaker).toEqual({ state: "open", retryAt: iso(NOW + TIMING.breakerMs) });
    scene.pass(TIMING.breakerMs);
    expect(view().breaker).toEqual({ state: "half_open" });
  });

  test("with until when it asked to be left alone", () => {
    const { scene, view } = sceneAndView();
    scene.end(scene.take("a"), busyFor(5000));
    expect(view().breaker).toEqual({ state: "closed", retryAt: iso(NOW + 5000) });
    scene.pass(5000);
    expect(view().breaker).toEqual({ state: "closed" });
  });
});

test("instances are listed by name, each with the hub's strategy", () => {
  const scene = sceneOf([{ id: "b" }, { id: "c" }, { id: "a" }], { strategy: "sticky" });
  const views = viewInstances(scene.hub, scene.now);
  expect(views.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  expect(found(views[0], "view").strategy).toBe("sticky");
});

test("an instance shows how many calls it takes: what was said, else what it says itself", () => {
  const { scene, view } = sceneAndView();
  scene.seen("spark", true, { maxConcurrent: 9 });
  expect(view().maxConcurrent).toBe(9);
  scene.put({ id: "spark", maxConcurrent: 2 });
  expect(view().maxConcurrent).toBe(2);
});
