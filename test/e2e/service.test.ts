// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references look like this.
import { expect, it } from "vitest";
import { runList } from "../../src/contract/api.ts";
import { GleitzeitError } from "../../src/contract/error.ts";
import { collect, serviceForFile } from "./service.ts";

const client = await serviceForFile();

const CHAIN = {
  name: "a chain of three kinds",
  tasks: [
    { id: "sum", method: "mcp/tool.add", params: { a: 1, b: 2 } },
    {
      id: "double",
      method: "python/execute",
      params: { code: "result = context['sum'] * 2", context: { sum: "${sum.result}" } },
    },
    { id: "tell", method: "echo/echo", params: { message: "it is ${double.result}" } },
  ],
};

it("carries a workflow through: each result reaches the task that refers to it", async () => {
  const run = await client.submit({ workflow: CHAIN }, { waitSeconds: 30 });
  expect(run.status).toBe("completed");
  expect(run.tasks.map(({ id, status }) => [id, status])).toEqual([
    ["sum", "completed"],
    ["double", "completed"],
    ["tell", "completed"],
  ]);
  expect(await client.results(run.id)).toMatchObject({
    sum: { result: 3 },
    double: { result: 6 },
    tell: { response: "it is 6" },
  });
  expect(await client.task(run.id, "double")).toMatchObject({
    params: { context: { sum: 3 } },
    attempts: [{ number: 1, status: "completed" }],
  });
});

it("takes YAML text as well as objects", async () => {
  const workflow = "name: y\ntasks: [{ id: e, method: echo/echo, params: { message: hi } }]";
  const run = await client.submit({ workflow }, { waitSeconds: 30 });
  expect(run.outputs).toMatchObject({ e: { response: "hi" } });
});

it("tells a run's events from the first to the last, or those after a given one", async () => {
  const { id } = await client.submit({ workflow: CHAIN });
  const live = await collect(client.events(id));
  expect(live.map((event) => "seq" in event && event.seq)).toEqual(live.map((_, index) => index + 1));
  expect(live.at(-1)?.type).toBe("run.completed");
  expect(await collect(client.events(id, { after: 3 }))).toEqual(live.slice(3));
  expect(await collect(client.events(id, { after: live.length }))).toEqual([]);
});

it("gives a run its failure, its dependents skipped, and the rest carried through", async () => {
  const workflow = {
    name: "one fails",
    tasks: [
      { id: "bad", method: "python/execute", params: { code: "raise ValueError('no')" } },
      { id: "after", method: "echo/echo", params: { message: "${bad.result}" } },
      { id: "beside", method: "echo/echo", params: { message: "here" } },
    ],
  };
  const run = await client.submit({ workflow }, { waitSeconds: 30 });
  expect(run).toMatchObject({ status: "failed", error: { code: "task_failed" } });
  expect(run.tasks).toMatchObject([
    { id: "bad", status: "failed", error: { code: "script_failed" } },
    { id: "after", status: "skipped", skipReason: { kind: "dependency", taskId: "bad" } },
    { id: "beside", status: "completed" },
  ]);
});

it("starts one run for one Idempotency-Key", async () => {
  const options = { idempotencyKey: "the-same", waitSeconds: 30 };
  const first = await client.submit({ workflow: CHAIN }, options);
  expect((await client.submit({ workflow: CHAIN }, options)).id).toBe(first.id);
});

it("lists ended runs from history", async () => {
  const { id } = await client.submit({ workflow: CHAIN }, { waitSeconds: 30 });
  const list = async () => runList.parse(await (await fetch(`${client.url}/v1/runs`)).json()).items;
  await expect
    .poll(async () => (await list()).find((run) => run.id === id)?.status, { timeout: 10_000 })
    .toBe("completed");
});

it("refuses a bad workflow with all that is wrong, each with its line", async () => {
  const workflow =
    "name: x\ntasks:\n  - {id: a, method: echo/ehco}\n  - {id: b, method: echo/echo, dependencies: [c]}\n";
  const error = await client.submit({ workflow }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(GleitzeitError);
  expect(error.code).toBe("invalid_workflow");
  expect(error.details.issues).toMatchObject([{ line: 3 }, { line: 4 }]);
  expect(await client.check(workflow)).toMatchObject({ valid: false, issues: [{ line: 3 }, { line: 4 }] });
});

it("says that there is no such run", async () => {
  const id = `run_${"0".repeat(26)}`;
  await expect(client.run(id)).rejects.toMatchObject({ code: "not_found" });
  await expect(collect(client.events(id))).rejects.toMatchObject({ code: "not_found" });
});
