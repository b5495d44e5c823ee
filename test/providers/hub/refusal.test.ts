/** What is said where nobody can do what a task asks for: what there is, and what to do. */
import { describe, expect, test } from "vitest";
import type { Need } from "../../../src/contract/protocol.ts";
import type { Offering } from "../../../src/providers/hub/spec.ts";
import { errorOf, type Given, newSceneOf, sceneOf } from "./scene.ts";

const llm = (need: Partial<Need>, ...given: Given[]) =>
  errorOf(sceneOf(given).ask("a", { need: { protocol: "llm/v1", ...need } }));

describe("without any instance", () => {
  test.each([
    ["llm/v1", "GLEITZEIT_OLLAMA_URLS"],
    ["python/v1", "GLEITZEIT_PYTHON_URLS"],
    ["mcp/v1", "GLEITZEIT_MCP_URLS"],
    ["custom/v1", "PUT /v1/providers/"],
  ])("of %s it says how to add one: %s", (protocol, advice) => {
    const scene = sceneOf([], { protocol });
    const error = errorOf(scene.ask("a", { need: { protocol } }));
    expect(error.code).toBe("no_provider");
    expect(error.message).toContain(protocol);
    expect(error.message).toContain(advice);
    expect(scene.hub.waiting.size).toBe(0);
  });

  test("it says where it was looked, without what an address may hide", () => {
    const scene = newSceneOf([]);
    scene.look();
    scene.pass(1);
    const url = "http://127.0.0.1:11434/secret?key=secret";
    scene.report({ notFound: [{ kind: "ollama", url, reason: "nobody answers there" }] });
    const { message } = errorOf(scene.ask("a"));
    expect(message).toContain("http://127.0.0.1:11434");
    expect(message).not.toContain("secret");
  });
});

describe("a model that no instance has", () => {
  test("is refused at once, saying which instances have which models, and the pull command", () => {
    const error = llm(
      { model: "qwen3:8b" },
      { id: "spark", offering: { models: ["llama3.2:latest", "phi4:latest"] } },
      { id: "attic", offering: { models: [] } },
    );
    expect(error.code).toBe("model_not_found");
    for (const part of [
      "qwen3:8b",
      "spark",
      "llama3.2:latest",
      "phi4:latest",
      "attic",
      "ollama pull qwen3:8b",
    ])
      expect(error.message).toContain(part);
  });

  test("but is there on an instance that is sick, is no such: that may pass", () => {
    const scene = sceneOf([
      { id: "spark", offering: { models: ["qwen3:8b"] } },
      { id: "well", offering: { models: [] } },
    ]);
    scene.seen("spark", false);
    const error = errorOf(scene.ask("a", { need: { protocol: "llm/v1", model: "qwen3:8b" } }));
    expect(error.code).toBe("provider_unavailable");
    expect(error.message).toContain("no answer");
  });

  test("names a bounded number of instances and models", () => {
    const models = Array.from({ length: 500 }, (_, index) => `a-model-with-a-long-name-${index}:latest`);
    const given = Array.from({ length: 150 }, (_, index) => ({
      id: `instance-${index}`,
      offering: { models },
    }));
    expect(llm({ model: "x" }, ...given).message.length).toBeLessThan(20_000);
  });
});

describe("a named instance", () => {
  test("that there is none of is refused, with the nearest name", () => {
    const error = llm({ instance: "sparc" }, { id: "spark" }, { id: "attic" });
    expect(error.code).toBe("no_provider");
    for (const part of ["sparc", "spark", "attic", 'did you mean "spark"?'])
      expect(error.message).toContain(part);
  });

  test("that lacks the model is refused, though another has it", () => {
    const error = llm(
      { instance: "attic", model: "phi4" },
      { id: "spark", offering: { models: ["phi4:latest"] } },
      { id: "attic", offering: { models: ["llama3.2:latest"] } },
    );
    expect(error.code).toBe("model_not_found");
    expect(error.message).toContain("attic has llama3.2:latest");
  });

  test("gets the call, and waits for it, though others are free", () => {
    const scene = sceneOf([{ id: "spark", maxConcurrent: 1 }, { id: "attic" }]);
    const need = { protocol: "llm/v1", instance: "spark" };
    expect([scene.place("a", { need }), scene.place("a", { need })]).toEqual(["spark", "parked"]);
  });
});

test("tags that no instance has are refused, with those there are", () => {
  const error = llm({ tags: ["gpu", "eu"] }, { id: "spark", tags: ["gpu", "us"] }, { id: "attic" });
  expect(error.code).toBe("no_provider");
  for (const part of ["gpu", "eu", "us"]) expect(error.message).toContain(part);
  expect(llm({ tags: ["gpu"] }, { id: "attic" }).message).toContain("gpu");
});

describe("a tool", () => {
  const mcp = (...offerings: [string, Offering, string?][]) =>
    sceneOf(
      offerings.map(([id, offering]) => ({ id, kind: "mcp" as const, offering, maxConcurrent: 1 })),
      { protocol: "mcp/v1" },
    );
  const tool = (name: string, more: Partial<Need> = {}) => ({
    need: { protocol: "mcp/v1", tool: name, ...more },
  });

  test("is found by its name, on whichever server has it", () => {
    const scene = mcp(
      ["files", { tools: ["read", "write"], server: "files" }],
      ["sky", { tools: ["weather"], server: "sky" }],
    );
    expect([scene.place("a", tool("weather")), scene.place("a", tool("read"))]).toEqual(["sky", "files"]);
  });

  test("that no server has is refused at once, with the nearest", () => {
    const scene = mcp(["sky", { tools: ["weather", "tides"], server: "sky" }]);
    const error = errorOf(scene.ask("a", tool("wether")));
    expect(error.code).toBe("unknown_tool");
    for (const part of ["wether", "weather", "tides", 'did you mean "weather"?'])
      expect(error.message).toContain(part);
  });

  test("that two different servers have is refused, naming both and how to choose", () => {
    const scene = mcp(
      ["sky", { tools: ["weather"], server: "sky" }],
      ["sea", { tools: ["weather", "tides"], server: "sea" }],
    );
    const error = errorOf(scene.ask("a", tool("weather")));
    expect(error.code).toBe("invalid_params");
    for (const part of ["weather", "sky", "sea", "server:"]) expect(error.message).toContain(part);
    expect(scene.place("a", tool("weather", { instance: "sea" }))).toBe("sea");
  });

  test("of two servers is refused whether or not one of them is sick or busy: which one must not depend on luck", () => {
    const scene = mcp(
      ["sky", { tools: ["weather"], server: "sky" }],
      ["sea", { tools: ["weather"], server: "sea" }],
    );
    scene.take("x", tool("weather", { instance: "sky" }));
    scene.seen("sea", false);
    expect(errorOf(scene.ask("a", tool("weather"))).code).toBe("invalid_params");
  });

  test("of servers that do not say their names is refused too: nobody knows that they are the same", () => {
    const scene = mcp(["sky", { tools: ["weather"] }], ["sea", { tools: ["weather"] }]);
    expect(errorOf(scene.ask("a", tool("weather"))).code).toBe("invalid_params");
  });

  test("of replicas, servers of the same name, goes to one after the other", () => {
    const scene = mcp(
      ["sky-1", { tools: ["weather"], server: "sky" }],
      ["sky-2", { tools: ["weather"], server: "sky" }],
      ["sea", { tools: ["tides"], server: "sea" }],
    );
    const places = ["a", "b", "c"].map((run) => scene.place(run, tool("weather")));
    expect(places.sort()).toEqual(["parked", "sky-1", "sky-2"]);
  });
});

test("where all are sick, a reason is said, and when to ask again", () => {
  const scene = sceneOf([{ id: "spark" }, { id: "attic" }]);
  scene.seen("spark", false);
  scene.fail("attic");
  const grant = scene.ask("a");
  expect(grant).toMatchObject({ kind: "refused", error: { code: "provider_unavailable", retryable: true } });
  if (grant.kind !== "refused") throw new Error("refused");
  for (const part of ["spark", "attic", "no answer"]) expect(grant.error.message).toContain(part);
  expect(grant.retryAfterMs).toBeGreaterThan(0);
  expect(grant.retryAfterMs).toBeLessThanOrEqual(30_000);
});

test("where those that are well lack the model, that is said beside what ails the others", () => {
  const scene = sceneOf([
    { id: "spark", offering: { models: ["llama3.2:latest"] } },
    { id: "attic", offering: undefined },
  ]);
  scene.seen("attic", false);
  const { code, message } = errorOf(scene.ask("a", { need: { protocol: "llm/v1", model: "nix" } }));
  expect(code).toBe("provider_unavailable");
  for (const part of ["attic", "no answer", "spark has llama3.2:latest"]) expect(message).toContain(part);
});
