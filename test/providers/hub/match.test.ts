/** Whether an instance can do what a task asks for, and how well. */
import { describe, expect, test } from "vitest";
import type { Need } from "../../../src/contract/protocol.ts";
import { FIT, fitOf } from "../../../src/providers/hub/match.ts";
import type { Offering } from "../../../src/providers/hub/spec.ts";
import { type Given, memberOf } from "./scene.ts";

const fitFor = (given: Omit<Given, "id">, need: Omit<Need, "protocol"> = {}) =>
  fitOf(memberOf({ id: "spark", ...given }), { protocol: "llm/v1", ...need });

const withModels = (models: string[], loaded: string[] = []): { offering: Offering } => ({
  offering: { models, loaded },
});

test("the better an instance has the model, the smaller its number", () => {
  const { loaded, present, unknown, pullable } = FIT;
  expect([loaded, present, unknown, pullable]).toEqual([0, 1, 2, 3]);
});

describe("an instance fits a model", () => {
  const need = { model: "llama3.2:latest" };

  test("best where it is in memory", () => {
    expect(fitFor(withModels(["llama3.2:latest"], ["llama3.2:latest"]), need)).toBe(FIT.loaded);
  });

  test("where it is on the disk, another one in memory or none", () => {
    expect(fitFor(withModels(["llama3.2:latest", "qwen3:8b"], ["qwen3:8b"]), need)).toBe(FIT.present);
    expect(fitFor({ offering: { models: ["llama3.2:latest"] } }, need)).toBe(FIT.present);
  });

  test("perhaps, where it lists no models", () => {
    expect(fitFor({ offering: { version: "1" } }, need)).toBe(FIT.unknown);
  });

  test("that it lacks only where it may pull", () => {
    expect(fitFor({ ...withModels(["qwen3:8b"]), allowPull: true }, need)).toBe(FIT.pullable);
    expect(fitFor(withModels(["qwen3:8b"]), need)).toBe("no");
    expect(fitFor(withModels([]), need)).toBe("no");
  });

  test("or not: nobody knows, as long as nobody has looked", () => {
    expect(fitFor({}, need)).toBe("unseen");
    expect(fitFor({ allowPull: true }, need)).toBe("unseen");
  });

  test.each([
    ["llama3.2", "llama3.2:latest"],
    ["llama3.2:latest", "llama3.2:latest"],
    ["hf.co/someone/model", "hf.co/someone/model:latest"],
    ["host:5000/model", "host:5000/model:latest"],
  ])("whose tag is left out or not: %s is %s", (asked, listed) => {
    expect(fitFor(withModels([listed], [listed]), { model: asked })).toBe(FIT.loaded);
    expect(fitFor(withModels([listed]), { model: asked })).toBe(FIT.present);
  });

  test("of the very tag that is asked for", () => {
    expect(fitFor(withModels(["llama3.2:1b"]), { model: "llama3.2" })).toBe("no");
    expect(fitFor(withModels(["llama3.2:latest"]), { model: "llama3.2:1b" })).toBe("no");
  });
});

describe("an instance fits a tool", () => {
  const need = { tool: "weather" };

  test("that it lists", () => {
    expect(fitFor({ kind: "mcp", offering: { tools: ["time", "weather"] } }, need)).toBe(FIT.present);
    expect(fitFor({ kind: "mcp", offering: { tools: ["time", "Weather"] } }, need)).toBe("no");
  });

  test("perhaps, where it lists none at all; and nobody knows before somebody has looked", () => {
    expect(fitFor({ kind: "mcp", offering: {} }, need)).toBe(FIT.unknown);
    expect(fitFor({ kind: "mcp" }, need)).toBe("unseen");
  });
});

describe("any instance fits", () => {
  test("a task that asks for no model and no tool, once somebody has looked", () => {
    expect(fitFor({})).toBe("unseen");
    expect(fitFor({ offering: {} })).toBe(FIT.present);
    expect(fitFor(withModels([]))).toBe(FIT.present);
  });

  test("only if it has all the tags that are asked for", () => {
    const offering = {};
    expect(fitFor({ offering, tags: ["gpu", "home", "fast"] }, { tags: ["fast", "gpu"] })).toBe(FIT.present);
    expect(fitFor({ offering, tags: ["gpu"] }, { tags: ["gpu", "fast"] })).toBe("no");
    expect(fitFor({}, { tags: ["gpu"] })).toBe("no");
    expect(fitFor({ offering, tags: ["gpu"] }, { tags: [] })).toBe(FIT.present);
  });

  test("only if it is the one that is named, which must have the model and the tags too", () => {
    expect(fitFor({ offering: {} }, { instance: "spark" })).toBe(FIT.present);
    expect(fitFor({}, { instance: "other" })).toBe("no");
    expect(fitFor({ tags: ["gpu"] }, { instance: "spark", tags: ["cpu"] })).toBe("no");
    expect(fitFor(withModels(["qwen3:8b"]), { instance: "spark", model: "llama3.2" })).toBe("no");
  });
});
