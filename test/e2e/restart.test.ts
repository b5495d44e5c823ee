import { expect, it } from "vitest";
import { type Client, connect } from "../../src/client/client.ts";
import { runList } from "../../src/contract/api.ts";
import { exitOf, killGroup, startProgram, temporaryFolder, untilPrinted } from "./process.ts";
import { collect } from "./service.ts";

const PARALLEL = 6;

/** Scripts that take long enough to be killed in, each followed by a task that needs its result. */
const SLOW = {
  name: "slow",
  tasks: Array.from({ length: PARALLEL }, (_, index) => [
    {
      id: `slow-${index}`,
      method: "python/execute",
      params: { code: `import time; time.sleep(1); result = ${index}` },
    },
    { id: `after-${index}`, method: "mcp/tool.add", params: { a: `\${slow-${index}.result}`, b: 100 } },
  ]).flat(),
};

// The attempts that were killed are lost when their lease has ended: 30 s, give or take a fifth.
it("goes on where it was after kill -9 of the whole group", { timeout: 120_000 }, async () => {
  const state = temporaryFolder();
  const first = await startMain(state);
  const done = await first.client.submit({ workflow: SLOW }, { idempotencyKey: "done", waitSeconds: 30 });
  expect(done.status).toBe("completed");
  const { id } = await first.client.submit({ workflow: SLOW });
  // Killed in the middle: attempts run, and some wait.
  for await (const event of first.client.events(id)) if (event.type === "task.started") break;
  await killGroup(first.child);

  const second = await startMain(state);
  expect((await second.client.run(done.id)).status).toBe("completed");
  const again = await second.client.submit({ workflow: SLOW }, { idempotencyKey: "done" });
  expect(again.id).toBe(done.id);
  // Only history is asked: looking at a run would load its object, and nobody may have to.
  await expect.poll(() => listed(second.client, id), { timeout: 80_000, interval: 1000 }).toBe("completed");
  const events = await collect(second.client.events(id));
  expect(events.at(-1)?.type).toBe("run.completed");
  const results = await second.client.results(id);
  for (let index = 0; index < PARALLEL; index++) {
    expect(results[`after-${index}`]).toMatchObject({ result: 100 + index });
  }

  second.child.kill("SIGTERM");
  await exitOf(second.child);
  expect(second.child.exitCode).toBe(0);
});

it("takes the state from a service whose process alone was killed, and ends what that left running", async () => {
  const state = temporaryFolder();
  const first = await startMain(state);
  const done = await first.client.submit({ workflow: SLOW }, { waitSeconds: 30 });
  first.child.kill("SIGKILL");
  await exitOf(first.child);

  const second = await startMain(state);
  expect((await second.client.run(done.id)).status).toBe("completed");
  await expect(fetch(`${first.client.url}/health`)).rejects.toThrow();
  second.child.kill("SIGTERM");
  await exitOf(second.child);
});

async function listed(client: Client, id: string): Promise<string | undefined> {
  const { items } = runList.parse(await (await fetch(`${client.url}/v1/runs`)).json());
  return items.find((run) => run.id === id)?.status;
}

async function startMain(state: string) {
  const child = startProgram("src/local/main.ts", ["--port", "0", "--state", state], {});
  const url = await untilPrinted(child.stdout, /http:\S+/);
  return { child, client: connect({ url }) };
}
