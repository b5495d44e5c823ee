/** What is called off stops where it runs: at the provider, not only in the books. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { temporaryFolder } from "./process.ts";
import { collect, serviceForFile } from "./service.ts";

/** A model that says a word a second and has much to say. */
const ollama = await startFakeOllama({ tokenDelayMs: 1000, reply: () => "word ".repeat(100) });
afterAll(() => ollama.close());
// Scripts tell of themselves through files of this machine.
const client = await serviceForFile({ ollamaUrls: [ollama.url], sandbox: "process" });

const chat = (id: string) => ({ id, method: "llm/chat", params: { prompt: id, model: "llama3.2" } });

/** A script that leaves its process id in a file, and then does nothing for long. */
const script = (id: string, file: string) => ({
  id,
  method: "python/execute",
  params: {
    code: "import os, time\nopen(context['file'], 'w').write(str(os.getpid()))\ntime.sleep(60)",
    context: { file },
    timeout: 60,
  },
});

const patient = { timeout: 15_000 };
const requestOf = (id: string) => ollama.requests.filter(({ body }) => JSON.stringify(body).includes(id));

/** The process that wrote the file, once it has. */
async function processOf(file: string): Promise<number> {
  await expect.poll(() => existsSync(file) && readFileSync(file, "utf8") !== "", patient).toBe(true);
  return Number(readFileSync(file, "utf8"));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function steer(id: string, what: string): Promise<void> {
  const answer = await fetch(`${client.url}/v1/runs/${id}/${what}`, { method: "POST" });
  expect(answer.status).toBe(200);
}

it("a cancel closes the connections of model calls and kills scripts", async () => {
  const file = join(temporaryFolder(), "pid");
  const tasks = [chat("cancelled-call"), script("script", file)];
  const { id } = await client.submit({ workflow: { name: "to be cancelled", tasks } });
  const pid = await processOf(file);
  await expect.poll(() => requestOf("cancelled-call").length, patient).toBe(1);
  await steer(id, "cancel");
  await expect.poll(() => requestOf("cancelled-call")[0]?.aborted, patient).toBe(true);
  await expect.poll(() => isAlive(pid), patient).toBe(false);
  expect(await client.run(id)).toMatchObject({ status: "cancelled", progress: { cancelled: 2 } });
  // Nothing comes after it: neither a retry nor a late result.
  expect((await collect(client.events(id))).at(-1)?.type).toBe("run.cancelled");
  expect(requestOf("cancelled-call")).toHaveLength(1);
});

it("a slot that a cancelled call had is free for the next", async () => {
  const many = Array.from({ length: 8 }, (_, index) => chat(`many-${index}`));
  const { id } = await client.submit({ workflow: { name: "many", tasks: many } });
  await expect.poll(() => requestOf("many-").length, patient).toBe(4);
  const { id: next } = await client.submit({ workflow: { name: "next", tasks: [chat("the-next-one")] } });
  await steer(id, "cancel");
  await expect.poll(() => requestOf("the-next-one").length, patient).toBe(1);
  expect(requestOf("many-")).toHaveLength(4);
  await steer(next, "cancel");
});

it("the first failure aborts the rest where the workflow says fail_fast", async () => {
  const bad = { id: "bad", method: "python/execute", params: { code: "import time; time.sleep(1); 1 / 0" } };
  const workflow = { name: "fails fast", onFailure: "fail_fast", tasks: [chat("beside-it"), bad] };
  const { id } = await client.submit({ workflow });
  const run = await client.run(id, { waitSeconds: 30 });
  expect(run).toMatchObject({ status: "failed", error: { code: "task_failed" } });
  expect(run.tasks).toMatchObject([
    { id: "beside-it", status: "cancelled" },
    { id: "bad", status: "failed", error: { code: "script_failed" } },
  ]);
  await expect.poll(() => requestOf("beside-it")[0]?.aborted, patient).toBe(true);
});

it("a task's timeout aborts its call, in the middle of the answer too", async () => {
  const task = { ...chat("takes-too-long"), timeout: 2, retry: { maxAttempts: 1 } };
  const run = await client.submit({ workflow: { name: "timeout", tasks: [task] } }, { waitSeconds: 30 });
  expect(run.tasks).toMatchObject([{ status: "failed", error: { code: "timeout" }, attemptCount: 1 }]);
  await expect.poll(() => requestOf("takes-too-long")[0]?.aborted, patient).toBe(true);
});

it("the run's timeout aborts what still runs", async () => {
  const workflow = { name: "run timeout", timeout: 2, tasks: [chat("outlives-its-run")] };
  const run = await client.submit({ workflow }, { waitSeconds: 30 });
  expect(run).toMatchObject({ status: "failed", error: { code: "run_timeout" } });
  await expect.poll(() => requestOf("outlives-its-run")[0]?.aborted, patient).toBe(true);
});
