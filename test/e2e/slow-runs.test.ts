/** A run that takes long is nobody else's trouble. */
import { afterAll, expect, it } from "vitest";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { serviceForFile } from "./service.ts";

const TASK_MS = 3000;
const TASKS = 20;
/** As many as the hub lets an Ollama have at a time. */
const AT_ONCE = 4;

const ollama = await startFakeOllama({ tokenDelayMs: TASK_MS, reply: () => "slow" });
afterAll(() => ollama.close());
const client = await serviceForFile({ python: false, ollamaUrls: [ollama.url] });

const SLOW = {
  name: "slow",
  tasks: Array.from({ length: TASKS }, (_, index) => ({
    id: `t${index}`,
    method: "llm/chat",
    params: { prompt: `question ${index}`, model: "llama3.2" },
  })),
};

const instantChain = (length: number) => ({
  name: "instant",
  tasks: Array.from({ length }, (_, index) => ({
    id: `t${index}`,
    method: "echo/echo",
    params: { message: index === 0 ? "hi" : `\${t${index - 1}.response}` },
  })),
});

it("a run of 20 tasks of 3 s does not hold up ten runs of instant tasks", async () => {
  const { id } = await client.submit({ workflow: SLOW });
  // It waits for the headers of as many answers as it gets.
  await expect.poll(() => ollama.requests.length, { timeout: 10_000 }).toBe(AT_ONCE);
  const instant = await Promise.all(
    Array.from({ length: 10 }, () => client.submit({ workflow: instantChain(5) }, { waitSeconds: 30 })),
  );
  // They were done before the slow one's first tasks were.
  expect(ollama.requests).toHaveLength(AT_ONCE);
  expect(instant.map(({ status }) => status)).toEqual(Array(10).fill("completed"));
  expect((await client.run(id)).progress).toMatchObject({ completed: 0, running: AT_ONCE });

  const slow = await client.run(id, { waitSeconds: 50 });
  expect(slow).toMatchObject({ status: "completed", progress: { completed: TASKS } });
  const began = ollama.requests.map(({ startedAt }) => startedAt);
  const firstEnd = Math.min(...ollama.requests.map(({ endedAt }) => endedAt ?? Infinity));
  expect(began.filter((at) => at < firstEnd)).toHaveLength(AT_ONCE);
  expect(ollama.requests).toHaveLength(TASKS);
});

it("while thousands of instant tasks follow one another, requests are answered", async () => {
  const { id, status } = await client.submit({ workflow: instantChain(5000) });
  const seen = await client.run(id);
  expect([status, seen.status]).toEqual(["running", "running"]);
  expect(await client.run(id, { waitSeconds: 50 })).toMatchObject({ status: "completed" });
});
