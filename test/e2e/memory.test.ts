/** What a large run keeps in memory. Locally all objects are one isolate's: its heap is the upper limit of each. */
import { readdirSync, readFileSync } from "node:fs";
import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { connect } from "../../src/client/client.ts";
import type { RunId } from "../../src/contract/id.ts";
import { applyMigrations } from "../../src/history/migrate.ts";
import { bundleWorker } from "../../src/local/bundle.ts";
import { workerdOptions } from "../../src/local/options.ts";
import { importMiniflare } from "../../src/local/quiet.ts";
import { openInspector } from "./inspector.ts";
import { ROOT, temporaryFolder } from "./process.ts";

const TASKS = 10_000;
/** Echo says its message twice: so each result has 10 KB. */
const TEXT = "x".repeat(5000);
const MOST_BYTES = 100_000_000;
const SETTINGS = {
  GLEITZEIT_LOCAL: "1",
  GLEITZEIT_OLLAMA_URLS: "",
  GLEITZEIT_MCP_URLS: "",
  GLEITZEIT_PYTHON_URLS: "",
};
const MIGRATIONS = `${ROOT}migrations/`;

let workerd: Miniflare;
beforeAll(async () => {
  const place = { host: "127.0.0.1", port: 0, stateFolder: temporaryFolder(afterAll) };
  const { Log, LogLevel, Miniflare } = await importMiniflare();
  workerd = new Miniflare({
    ...workerdOptions(place, { script: bundleWorker(), settings: SETTINGS }),
    inspectorPort: 0,
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: () => {},
  });
  const names = readdirSync(MIGRATIONS).filter((name) => name.endsWith(".sql"));
  const migrations = names.map((name) => ({ name, sql: readFileSync(`${MIGRATIONS}${name}`, "utf8") }));
  await applyMigrations(await workerd.getD1Database("DB"), migrations);
});
afterAll(() => workerd.dispose());

const echo = (id: string, message: string) => ({ id, method: "echo/echo", params: { message } });

test(`a run of ${TASKS} tasks with results of 10 KB holds less than 100 MB, and its results are not all loaded to be read`, async () => {
  const client = connect({ url: (await workerd.ready).origin });
  const inspector = await openInspector(await workerd.getInspectorURL());
  onTestFinished(() => inspector.close());
  // What is loaded once, whatever is run.
  const small = { name: "small", tasks: [echo("a", "hi")] };
  await client.submit({ workflow: small }, { waitSeconds: 60 });
  const before = await inspector.heldBytes();

  const tasks = [echo("first", TEXT)];
  for (let index = 1; index < TASKS; index++) tasks.push(echo(`t${index}`, "${first.response}"));
  const workflow = { name: "large", maxParallelTasks: 1000, tasks };
  const worked = inspector.sample();
  const { id } = await client.submit({ workflow });
  const run = await client.run(id, { waitSeconds: 60 });
  expect([run.status, run.progress.completed]).toEqual(["completed", TASKS]);
  const atWork = (await worked.most()) - before;
  const held = (await inspector.heldBytes()) - before;

  const peaks = inspector.sample();
  const results = await readResults(client.url, id);
  const grown = (await peaks.most()) - before - held;
  expect(results).toBeGreaterThan(TASKS * 10_000);
  expect(Math.max(held, atWork)).toBeLessThan(MOST_BYTES);
  expect(grown).toBeLessThan(MOST_BYTES / 1.5);
});

/** Bytes; they are not kept here either. */
async function readResults(url: string, id: RunId): Promise<number> {
  const { body } = await fetch(`${url}/v1/runs/${id}/results`);
  let bytes = 0;
  for await (const piece of body ?? []) bytes += piece.byteLength;
  return bytes;
}
