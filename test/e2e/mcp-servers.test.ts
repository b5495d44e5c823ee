/** MCP servers of `gleitzeit.yaml`, as `npm start` has them: started with the service, and ended with it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it, vi } from "vitest";
import * as z from "zod";
import { connect } from "../../src/client/client.ts";
import { instanceView } from "../../src/contract/provider.ts";
import { startMcpServers } from "../../src/local/mcp-servers.ts";
import { isRunning, type ProcessMark } from "../../src/local/process-mark.ts";
import { startService } from "../../src/local/service.ts";
import { EVERYTHING } from "../providers/mcp-everything-server.ts";
import { exitOf, startProgram, temporaryFolder, untilPrinted } from "./process.ts";

const SECRET_KEY = "a key that no server is to be told of";
const folder = temporaryFolder(afterAll);
const stateFolder = temporaryFolder(afterAll);
writeFileSync(
  join(folder, "gleitzeit.yaml"),
  `
mcpServers:
  all:
    command: node
    args: ["${EVERYTHING}", stdio]
    env: { GREETING: "hello \${NAME}" }
  off: { command: no-such-command, disabled: true }
`,
);
vi.stubEnv("GLEITZEIT_SECRET_KEY", SECRET_KEY);
const service = await startService({
  port: 0,
  stateFolder,
  python: false,
  ollamaUrls: [],
  mcpUrls: [],
  pythonUrls: [],
  log: () => {},
  mcpServers: (place) => startMcpServers({ folder, environment: { NAME: "Ada" }, ...place }),
});
afterAll(() => service.close());
const client = connect({ url: service.url });

it("a workflow calls their tools, beside those that are built in", async () => {
  const tasks = [
    { id: "sum", method: "mcp/tool.get-sum", params: { a: 2, b: 3 } },
    { id: "said", method: "mcp/tool.concat", params: { strings: ["It says:", "${sum.response}"] } },
  ];
  const run = await client.submit({ workflow: { name: "tools", tasks } }, { waitSeconds: 30 });
  expect(run).toMatchObject({
    status: "completed",
    outputs: { said: { result: "It says: The sum of 2 and 3 is 5." } },
    tasks: [{ instance: "all" }, {}],
  });
});

it("GET /v1/providers shows them by their names, with their tools", async () => {
  const answer = await fetch(`${service.url}/v1/providers?protocol=mcp/v1`);
  const { items } = z.object({ items: z.array(instanceView) }).parse(await answer.json());
  expect(items).toMatchObject([
    { id: "all", kind: "mcp", source: "configured", health: { status: "healthy" }, version: "2.0.0" },
  ]);
  expect(items[0]?.tools).toContain("get-sum");
});

it("they are told what the file says, and no secret of the service", async () => {
  const tasks = [{ id: "env", method: "mcp/tool.get-env" }];
  const run = await client.submit({ workflow: { name: "env", tasks } }, { waitSeconds: 30 });
  expect(run).toMatchObject({ status: "completed", outputs: { env: { result: { GREETING: "hello Ada" } } } });
  expect(JSON.stringify(run)).not.toContain(SECRET_KEY);
});

it("they end with the service", async () => {
  const server = serverIn(stateFolder);
  expect(isRunning(server)).toBe(true);
  await service.close();
  expect(isRunning(server)).toBe(false);
});

it("npm start has those of the folder that it is started in, and ends them when it is stopped", async () => {
  const state = temporaryFolder();
  const options = { cwd: folder, env: { NAME: "Grace" } };
  const started = startProgram(
    "src/local/main.ts",
    ["--port", "0", "--state", state, "--no-python"],
    options,
  );
  const { check, submit } = connect({ url: await untilPrinted(started.stdout, /http:\S+/) });
  const tasks = [{ id: "env", method: "mcp/tool.get-env" }];
  const run = await submit({ workflow: { name: "env", tasks } }, { waitSeconds: 30 });
  expect(run).toMatchObject({
    status: "completed",
    outputs: { env: { result: { GREETING: "hello Grace" } } },
  });
  // Whoever has looked knows its tools: no warning.
  expect(await check({ name: "env", tasks })).toMatchObject({ valid: true, issues: [] });
  const server = serverIn(state);
  expect(isRunning(server)).toBe(true);
  started.kill("SIGINT");
  await exitOf(started);
  expect(isRunning(server)).toBe(false);
});

/** The one that is noted to be ended, should the service be killed. */
function serverIn(state: string): ProcessMark {
  const mark = z.object({ pid: z.number(), startedAt: z.string().optional() });
  const noted = readFileSync(join(state, "mcp-servers.json"), "utf8");
  const [{ pid, startedAt }] = z.tuple([mark]).parse(JSON.parse(noted));
  return { pid, startedAt };
}
