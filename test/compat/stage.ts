/** The whole service with a fake Ollama and the real Python runner; workflow files run there as users run them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, expect } from "vitest";
import { loadWorkflow } from "../../src/cli/workflow-file.ts";
import type { Client } from "../../src/client/client.ts";
import type { RunId } from "../../src/contract/id.ts";
import { isJsonObject, type JsonObject } from "../../src/contract/json.ts";
import { type RunView, runView, type TaskDetail } from "../../src/contract/run.ts";
import { type Finished, type RunOptions, runProgram, temporaryFolder } from "../e2e/process.ts";
import { serviceForFile } from "../e2e/service.ts";
import type { FakeOptions, FakeRequest } from "../fake-ollama/exchange.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";

/** A run that completed. */
export type Ran = {
  run: RunView;
  /** By task. */
  results: Record<string, JsonObject>;
  tasks: Map<string, TaskDetail>;
  /** What Ollama was asked, in this order. */
  asked: FakeRequest[];
};

export type Stage = {
  client: Client;
  asked: FakeRequest[];
  /** `gleitzeit` in a process of its own. */
  cli(parameters: string[], options?: RunOptions): Promise<Finished>;
  /** `gleitzeit run FILE` in this folder, which must complete. */
  run(file: string, cwd: string): Promise<Ran>;
  /** The same for a text in a folder with these files, without a process: what the command does, done here. */
  runText(text: string, files?: Files): Promise<Ran & { warnings: string[] }>;
};

/** Contents by path. */
export type Files = Record<string, string | Uint8Array>;

/** To be awaited at the top of a test file; its tests must not run at the same time. */
export async function stageForFile(options: FakeOptions = {}): Promise<Stage> {
  const ollama = await startFakeOllama(options);
  afterAll(() => ollama.close());
  const client = await serviceForFile({ ollamaUrls: [ollama.url] });
  const asked = ollama.requests;
  beforeEach(() => asked.splice(0));
  const cli: Stage["cli"] = (parameters, more = {}) =>
    runProgram("src/cli/main.ts", parameters, { ...more, env: { ...more.env, GLEITZEIT_URL: client.url } });
  const place: Place = { client, asked };
  return {
    ...place,
    cli,
    async run(file, cwd) {
      const { code, stdout, stderr } = await cli(["run", file, "--json"], { cwd });
      // What it says is what one wants to see when it fails.
      expect({ code, stderr }).toMatchObject({ code: 0 });
      return await look(place, runView.parse(JSON.parse(stdout)).id);
    },
    runText: (text, files = {}) => runText(place, text, files),
  };
}

type Place = Pick<Stage, "client" | "asked">;

async function runText(place: Place, text: string, files: Files): Promise<Ran & { warnings: string[] }> {
  const name = text.trimStart().startsWith("{") ? "flow.json" : "flow.yaml";
  const file = join(folderWith({ ...files, [name]: text }), name);
  const { ready, problems } = await loadWorkflow(file, { allowOutside: false });
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  const submitted = await place.client.submit({ workflow: ready?.file ?? "" }, { waitSeconds: 30 });
  return { ...(await look(place, submitted.id)), warnings: problems.map(({ message }) => message) };
}

/** A folder of its own, removed when the test has ended. */
export function folderWith(files: Files): string {
  const folder = temporaryFolder();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

/** All there is to know of a run. All of it must have completed, with nothing unresolved on the way to a provider. */
async function look({ client, asked }: Place, id: RunId): Promise<Ran> {
  const run = await client.run(id);
  const failed = run.tasks.filter(({ status }) => status !== "completed");
  expect([run.status, failed]).toEqual(["completed", []]);
  const details = await Promise.all(run.tasks.map((task) => client.task(id, task.id)));
  const given = [...details.map(({ params }) => params), ...asked.map(({ body }) => body)];
  expect(JSON.stringify(given)).not.toContain("${");
  const results = Object.entries(await client.results(id)).map(([task, result]): [string, JsonObject] => {
    if (!isJsonObject(result)) throw new Error(`the result of ${task} is no object: ${result}`);
    return [task, result];
  });
  return {
    run,
    results: Object.fromEntries(results),
    tasks: new Map(details.map((task) => [task.id, task])),
    asked: [...asked],
  };
}
