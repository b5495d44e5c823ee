/** Real runs, executors and hubs, with only the hosts played: from the first question to its answer. */
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Workflow } from "../../src/contract/workflow.ts";
import { emptyDatabase } from "../workerd/history-database.ts";
import { emptyHub, type TestHub } from "../workerd/hub.ts";
import { ollamaWith, playOutside } from "../workerd/outside.ts";
import { chat } from "../workerd/player.ts";
import { finished, start, workflowOf } from "../workerd/start.ts";

const URL = "https://gpu.example.com";
const ANSWER = { message: { content: "hi" }, done: true };

/** An Ollama that has a model and answers at once. */
const answering: typeof ollamaWith =
  (...models) =>
  (path, headers) =>
    path === "/api/chat" ? ANSWER : ollamaWith(...models)(path, headers);

const once = { retry: { maxAttempts: 1 } };
const ask = (id: string, model: string) => chat(id, [], { params: { prompt: "?", model }, ...once });

const run = async (...tasks: Workflow["tasks"]) => finished(await start(workflowOf(tasks)));

let hub: TestHub;
/** Runs are written to history a second later. */
beforeAll(async () => {
  await emptyDatabase();
});
beforeEach(async () => {
  hub = await emptyHub("llm/v1");
});
afterEach(() => void vi.restoreAllMocks());

describe("a run whose need nobody serves", () => {
  test("fails at once where there is no instance, and says what to do", async () => {
    playOutside({});
    const { status, tasks } = await run(ask("a", "m"));
    expect(status).toBe("failed");
    expect(tasks[0]?.error).toMatchObject({ code: "no_provider" });
    expect(tasks[0]?.error?.message).toContain("GLEITZEIT_OLLAMA_URLS");
  });

  test("has its instances looked at first, and is told what these have", async () => {
    const asked = playOutside({ "gpu.example.com": ollamaWith("moon:1b") });
    await hub.register({ id: "gpu", url: URL });
    const { tasks } = await run(ask("a", "llama3.2"));
    expect(tasks[0]?.error).toMatchObject({
      code: "model_not_found",
      message: expect.stringContaining("gpu has moon:1b"),
    });
    expect(asked.map(({ path }) => path)).toContain("/api/tags");
    expect(await hub.rpc.list()).toMatchObject([{ health: { status: "healthy" }, load: 0 }]);
  });

  test("is told that its only instance does not answer", async () => {
    playOutside({});
    await hub.register({ id: "gpu", url: URL });
    const { tasks } = await run(ask("a", "llama3.2"));
    expect(tasks[0]?.error).toMatchObject({ code: "provider_unavailable" });
  });
});

describe("a run whose model is found by the first look", () => {
  test("waits for the look, and is carried out, one call after the other where there is room for one", async () => {
    playOutside({ "gpu.example.com": answering("llama3.2:latest") });
    await hub.register({ id: "gpu", url: URL, maxConcurrent: 1 });
    const { status, progress } = await run(...["a", "b", "c", "d", "e"].map((id) => ask(id, "llama3.2")));
    expect([status, progress.completed]).toEqual(["completed", 5]);
    await expect
      .poll(() => hub.rpc.list())
      .toMatchObject([{ load: 0, calls: { answered: 5, failed: 0 }, models: [{ name: "llama3.2:latest" }] }]);
  });

  test("goes to the one that has it", async () => {
    playOutside({
      "gpu.example.com": answering("llama3.2:latest"),
      "attic.example.com": answering("moon:1b"),
    });
    await hub.register({ id: "gpu", url: URL });
    await hub.register({ id: "attic", url: "https://attic.example.com" });
    expect((await run(ask("a", "llama3.2"), ask("b", "moon:1b"))).status).toBe("completed");
    const calls = (await hub.rpc.list()).map(({ id, calls: { answered } }) => [id, answered]);
    expect(calls).toEqual([
      ["attic", 1],
      ["gpu", 1],
    ]);
  });
});
