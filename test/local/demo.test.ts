import { readdirSync } from "node:fs";
import { expect, it } from "vitest";
import {
  exitOf,
  killGroup,
  runProgram,
  startProgram,
  temporaryFolder,
  untilPrinted,
} from "../e2e/process.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";

const DEMO = "src/local/demo.ts";

it("runs the example without a model, prints each task's result and what to do next, and leaves nothing", async () => {
  const { code, stdout, stderr, left } = await demo();
  expect(stderr).toContain("✓ letters completed");
  expect(stdout).toContain("report\n  Hello world! That is 10 letters, l above all; and 4 + 38 is 42.");
  for (const task of ["greet\n", "sum\n  42", "letters\n"]) expect(stdout).toContain(`\n${task}`);
  expect(stdout).toMatch(/Next:\n {2}npm start/);
  expect([code, left]).toEqual([0, []]);
});

it("asks a model too where an Ollama answers: the first that is not for embedding", async () => {
  const models = ["nomic-embed-text", "llama3.2"];
  const ollama = await startFakeOllama({ models, reply: () => "Ten is a fine number." });
  const { code, stdout } = await demo({ GLEITZEIT_OLLAMA_URLS: ollama.url });
  await ollama.close();
  expect(stdout).toContain("remark\n  Ten is a fine number.");
  expect(code).toBe(0);
  const [chat] = ollama.requests.filter(({ path }) => path === "/api/chat");
  expect(chat?.body["model"]).toBe("llama3.2:latest");
});

it("fails when the run does, and leaves nothing then either", async () => {
  const ollama = await startFakeOllama({ fail: () => ({ status: 400, error: "broken on purpose" }) });
  const { code, stdout, left } = await demo({ GLEITZEIT_OLLAMA_URLS: ollama.url });
  await ollama.close();
  expect(stdout).toContain("remark failed");
  expect([code, left]).toEqual([1, []]);
});

it("leaves nothing when it is interrupted", async () => {
  const folder = temporaryFolder();
  // A model that never answers: the demo must not be over before it is interrupted.
  const ollama = await startFakeOllama({
    trouble: ({ path }) => (path === "/api/chat" ? "hang" : undefined),
  });
  const child = startProgram(DEMO, [], { env: { TMPDIR: folder, GLEITZEIT_OLLAMA_URLS: ollama.url } });
  await untilPrinted(child.stdout, /for this demo/);
  child.kill("SIGINT");
  await exitOf(child);
  expect([child.exitCode, readdirSync(folder)]).toEqual([130, []]);
  await killGroup(child);
  await ollama.close();
});

async function demo(env: Record<string, string> = {}) {
  const folder = temporaryFolder();
  const finished = await runProgram(DEMO, [], { env: { TMPDIR: folder, ...env } });
  return { ...finished, left: readdirSync(folder) };
}
