/** Which instances there are, where a person, a setting and discovery each say so. */
import { describe, expect, test } from "vitest";
import { assemble, type KeptInstance, replacedBy } from "../../../src/providers/hub/roster.ts";
import { type Given, sceneOf, specOf } from "./scene.ts";

const URL = "http://spark:11434";
const offering = { models: ["llama3.2:latest"] };
const kept = (given: Given): KeptInstance =>
  given.offering === undefined ? { spec: specOf(given) } : { spec: specOf(given), offering: given.offering };
const idsOf = (instances: KeptInstance[]) => instances.map(({ spec }) => spec.id).sort();

describe("when a hub comes to life", () => {
  test("it knows what was registered and what was discovered, with what they offer", () => {
    const before = [kept({ id: "mine", offering }), kept({ id: "found", source: "discovered", offering })];
    expect(assemble(before, [])).toEqual(before);
  });

  test("it knows what is configured now, and nothing that was configured once", () => {
    const before = [kept({ id: "old", source: "configured" }), kept({ id: "both", source: "configured" })];
    const now = [{ id: "both" }, { id: "new" }].map((one) => specOf({ ...one, source: "configured" }));
    expect(idsOf(assemble(before, now))).toEqual(["both", "new"]);
  });

  test("what a configured instance offers is still known, if it is where it was", () => {
    const before = ["same", "moved"].map((id) => kept({ id, url: URL, source: "configured", offering }));
    const now = [
      specOf({ id: "same", url: URL, source: "configured" }),
      specOf({ id: "moved", url: "http://new:1", source: "configured" }),
    ];
    expect(assemble(before, now).map((one) => one.offering)).toEqual([offering, undefined]);
  });

  test.each([
    ["name", { id: "spark", url: "http://other:1" }],
    ["address", { id: "other", url: URL }],
  ])("a person goes before a setting, and both before discovery, at the same %s", (_, clash) => {
    const mine = kept({ id: "spark", url: URL });
    const named = specOf({ ...clash, source: "configured" });
    const found = kept({ ...clash, source: "discovered" });
    expect(assemble([found, mine], [named])).toEqual([mine]);
    expect(assemble([kept({ id: "spark", url: URL, source: "discovered" })], [named])).toEqual([
      { spec: named },
    ]);
  });

  test("two that a person registered at one address are two", () => {
    const before = ["one", "two"].map((id) => kept({ id, url: URL }));
    expect(idsOf(assemble(before, []))).toEqual(["one", "two"]);
  });
});

describe("an instance that a person registers", () => {
  const scene = sceneOf([
    { id: "found", url: URL, source: "discovered" },
    { id: "named", url: URL, source: "configured" },
    { id: "mine", url: URL },
    { id: "elsewhere", source: "discovered" },
  ]);

  test("takes the place of what was found or configured at its address", () => {
    expect(replacedBy(scene.hub, specOf({ id: "new", url: URL })).sort()).toEqual(["found", "named"]);
  });

  test("does not take its own place, nor that of others", () => {
    expect(replacedBy(scene.hub, specOf({ id: "found", url: URL }))).toEqual(["named"]);
    expect(replacedBy(scene.hub, specOf({ id: "new" }))).toEqual([]);
  });

  test("is never replaced by what is discovered or configured", () => {
    for (const source of ["discovered", "configured"] as const)
      expect(replacedBy(scene.hub, specOf({ id: "new", url: URL, source }))).toEqual([]);
  });
});
