/** A pool of model hosts with different models, over real HTTP: who does what, and what is said where nobody can. */
import { afterAll, expect, it, onTestFinished } from "vitest";
import { instanceView } from "../../src/contract/provider.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { deadUrl } from "../providers/http-server.ts";
import { put, serviceForFile } from "./service.ts";

const hosts = {
  attic: await startFakeOllama({ models: ["llama3.2", "moon"], reply: () => "from the attic" }),
  cellar: await startFakeOllama({ models: ["llama3.2", "codellama"], reply: () => "from the cellar" }),
  shed: await startFakeOllama({ models: ["llava:7b"], reply: () => "from the shed" }),
};
/** One that takes its time before the first word. */
const slow = await startFakeOllama({ models: ["slowest"], replyDelayMs: 20_000 });
const pulling = await startFakeOllama({ models: [], library: ["newest"], reply: () => "pulled" });
/** Where nobody is yet. */
const lateUrl = await deadUrl();
afterAll(() => Promise.all([...Object.values(hosts), slow, pulling].map((host) => host.close())));

const client = await serviceForFile({
  python: false,
  ollamaUrls: Object.entries(hosts).map(([name, { url }]) => `${name}=${url}`),
});
const lonely = await serviceForFile({ python: false, ollamaUrls: [`late=${lateUrl}`] });

const ask = (id: string, model: string, more: object = {}) => ({
  id,
  method: "llm/chat",
  params: { prompt: `To ${id}`, model },
  ...more,
});
const workflowOf = (tasks: object[]) => ({ workflow: { name: "models", tasks } });
const submit = (...tasks: object[]) => client.submit(workflowOf(tasks), { waitSeconds: 30 });
const post = (url: string) => fetch(url, { method: "POST" });
const register = async (id: string, url: string, more: object = {}) =>
  instanceView.parse(
    await put(client, `/providers/${id}`, { protocol: "llm/v1", kind: "ollama", url, ...more }),
  );

it("llm/list_models has the models of all hosts, and who has which", async () => {
  const run = await submit({ id: "list", method: "llm/list_models" });
  expect(run.outputs?.["list"]).toEqual({
    models: expect.arrayContaining(["llama3.2:latest", "moon:latest", "codellama:latest", "llava:7b"]),
    model_distribution: {
      "llama3.2:latest": ["attic", "cellar"],
      "moon:latest": ["attic"],
      "codellama:latest": ["cellar"],
      "llava:7b": ["shed"],
    },
    total_instances: 3,
  });
});

it.each([
  ["moon", ["attic"]],
  ["codellama:latest", ["cellar"]],
  ["llava:7b", ["shed"]],
  ["llama3.2", ["attic", "cellar"]],
])("a task with the model %s is done by one of %j", async (model, expected) => {
  const run = await submit(ask("a", model));
  expect(run.status).toBe("completed");
  expect(expected).toContain(run.tasks[0]?.instance);
  expect(run.outputs).toMatchObject({ a: { response: `from the ${run.tasks[0]?.instance}` } });
});

it("a task that names its instance or tags is done there, and nowhere else", async () => {
  await register("cellar", hosts.cellar.url, { tags: ["cool", "dark"] });
  const run = await submit(
    ask("named", "llama3.2", { instance: "attic" }),
    ask("tagged", "llama3.2", { tags: ["dark", "cool"] }),
    ask("lacking", "moon", { instance: "cellar" }),
    ask("untagged", "moon", { tags: "cool" }),
  );
  const lacking = { status: "failed", attemptCount: 1, error: { code: "model_not_found" } };
  expect(run.tasks).toMatchObject([{ instance: "attic" }, { instance: "cellar" }, lacking, lacking]);
  expect(run.tasks[2]?.error?.message).toContain("cellar has ");
  expect(run.tasks[2]?.error?.message).not.toContain("attic");
});

it("a model that nobody has fails at once, naming who has which and how to pull it", async () => {
  const [task] = (await submit(ask("a", "lama3.2"))).tasks;
  expect(task).toMatchObject({ status: "failed", attemptCount: 1, error: { code: "model_not_found" } });
  const { message = "" } = task?.error ?? {};
  expect(message).toContain('no instance has the model "lama3.2"');
  expect(message).toContain("attic has llama3.2:latest, moon:latest");
  expect(message).toContain("cellar has llama3.2:latest, codellama:latest");
  expect(message).toContain("shed has llava:7b");
  expect(message).toMatch(/ollama pull lama3\.2$/);
  expect(Object.values(hosts).map(({ calls }) => calls["/api/pull"])).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

it("a model that nobody has is pulled by an instance that may, and is then one of its own", async () => {
  const { models } = await register("larder", pulling.url, { allowPull: true });
  expect(models).toEqual([]);
  const run = await submit(ask("a", "newest"));
  expect(run).toMatchObject({
    status: "completed",
    outputs: { a: { response: "pulled" } },
    tasks: [{ instance: "larder", attemptCount: 1 }],
  });
  expect((await submit(ask("again", "newest"))).status).toBe("completed");
  expect(pulling.calls["/api/pull"]).toBe(1);
  const checked = await post(`${client.url}/v1/providers/larder/check`);
  expect(instanceView.parse(await checked.json()).models).toMatchObject([{ name: "newest:latest" }]);
  const unknown = (await submit(ask("a", "no-such-model"))).tasks[0];
  expect(unknown).toMatchObject({ instance: "larder", error: { code: "model_not_found" } });
  await fetch(`${client.url}/v1/providers/larder`, { method: "DELETE" });
});

it("counts the tokens of each task, and of the run as the sum of them", async () => {
  const { tasks, usage } = await submit(ask("a", "moon"), ask("b", "codellama"), {
    id: "c",
    method: "echo/echo",
    params: { message: "${a.response}" },
  });
  const used = tasks.map((task) => task.usage);
  expect(used).toEqual([
    { promptTokens: expect.any(Number), completionTokens: 3, totalTokens: expect.any(Number) },
    { promptTokens: expect.any(Number), completionTokens: 3, totalTokens: expect.any(Number) },
    undefined,
  ]);
  const total = (used[0]?.totalTokens ?? 0) + (used[1]?.totalTokens ?? 0);
  expect(usage).toMatchObject({ completionTokens: 6, totalTokens: total });
  expect(total).toBeGreaterThan(6);
});

it("a cancelled run closes the connection of a call that was not yet answered", async () => {
  await register("slow", slow.url);
  const { id } = await client.submit(workflowOf([ask("a", "slowest")]));
  await expect.poll(() => slow.requests.length, { timeout: 10_000 }).toBe(1);
  await post(`${client.url}/v1/runs/${id}/cancel`);
  await expect.poll(() => slow.requests[0]?.aborted, { timeout: 10_000 }).toBe(true);
  expect(await client.run(id)).toMatchObject({ status: "cancelled" });
});

it("a configured host that is not there is named, and its tasks are tried again later", async () => {
  const { id } = await lonely.submit(workflowOf([ask("a", "moon")]));
  const retrying = await firstOf(lonely.events(id), "task.retrying");
  expect(retrying).toMatchObject({
    outcome: "failed",
    attempt: 1,
    error: {
      code: "provider_unavailable",
      retryable: true,
      message: expect.stringMatching(/no instance that could do it is well \(late\): .*ollama serve/),
    },
  });
  await post(`${lonely.url}/v1/runs/${id}/cancel`);
});

it("a run that failed for want of a host goes through once the host is there, and the run is retried", async () => {
  const once = ask("a", "moon", { retry: { maxAttempts: 1 } });
  const failed = await lonely.submit(workflowOf([once]), { waitSeconds: 30 });
  expect(failed.tasks[0]).toMatchObject({ status: "failed", attemptCount: 1, error: { retryable: true } });
  const host = await startFakeOllama({ port: Number(new URL(lateUrl).port), models: ["moon"] });
  onTestFinished(() => host.close());
  await post(`${lonely.url}/v1/providers/late/check`);
  await post(`${lonely.url}/v1/runs/${failed.id}/retry`);
  const run = await lonely.run(failed.id, { waitSeconds: 30 });
  expect(run).toMatchObject({ status: "completed", generation: 2, tasks: [{ instance: "late" }] });
});

async function firstOf<Told extends { type: string }, Type extends Told["type"]>(
  events: AsyncIterable<Told>,
  type: Type,
) {
  for await (const one of events) if (one.type === type) return one;
  throw new Error(`it ended without ${type}`);
}
