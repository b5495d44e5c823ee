/** Protocols of one's own over real HTTP: examples/custom-provider, and a server that does as a test says. */
import { execFile, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { runView } from "../../src/contract/run.ts";
import { deadUrl as freeUrl, openUntil } from "../providers/http-server.ts";
import { ROOT } from "./process.ts";
import { put, serviceForFile } from "./service.ts";

const FOLDER = join(ROOT, "examples/custom-provider");
const read = (name: string) => readFileSync(join(FOLDER, name), "utf8");

const client = await serviceForFile({ python: false });
const submit = (...tasks: object[]) =>
  client.submit({ workflow: { name: "own", tasks } }, { waitSeconds: 30 });

describe("the example", async () => {
  const url = await freeUrl();
  const server = spawn("python3", [join(FOLDER, "server.py"), new URL(url).port], { stdio: "ignore" });
  afterAll(() => void server.kill());
  const hasCurl = spawnSync("curl", ["--version"]).status === 0;

  it.skipIf(!hasCurl)("works as its README says", async () => {
    await vi.waitFor(() => fetch(url), { timeout: 30_000 });
    const [, commands = ""] = /^```sh\n([\s\S]*?)^```$/m.exec(read("README.md")) ?? [];
    const script = commands
      .replaceAll("http://127.0.0.1:8787", client.url)
      .replaceAll("http://127.0.0.1:8770", url);
    const prelude = 'curl() { command curl --fail --max-time 40 "$@"; echo; }\n';
    const { stdout } = await promisify(execFile)("sh", ["-euc", prelude + script], { cwd: ROOT });
    const [protocol, instance, run] = stdout.trim().split("\n");
    expect(JSON.parse(protocol ?? "")).toMatchObject({ name: "text/v1" });
    expect(JSON.parse(instance ?? "")).toMatchObject({ id: "text-1", health: { status: "healthy" } });
    expect(runView.parse(JSON.parse(run ?? ""))).toMatchObject({
      status: "completed",
      outputs: { report: '29 words in 3 sentences, most often "tunnel".' },
      tasks: [{ instance: "text-1" }, { instance: "text-1" }, {}],
    });
  });

  it("is the protocol that workflows are checked against before they run", async () => {
    await put(client, "/protocols/text/v1", JSON.parse(read("protocol.json")));
    await expect(submit({ id: "a", method: "text/stat", params: { text: "hi" } })).rejects.toMatchObject({
      code: "invalid_workflow",
      message: expect.stringContaining('unknown method "text/stat"'),
      details: { issues: [{ code: "unknown_method", suggestion: 'did you mean "text/stats"?' }] },
    });
    await expect(submit({ id: "a", method: "text/stats", params: { txt: "hi" } })).rejects.toMatchObject({
      code: "invalid_workflow",
    });
    await expect(submit({ id: "a", method: "txt/stats" })).rejects.toMatchObject({
      code: "invalid_workflow",
      message: expect.stringContaining("txt/v1"),
    });
  });
});

describe("a server of one's own", async () => {
  const server = await serveCounts();
  const count = {
    params: { type: "object", required: ["text"], properties: { text: { type: "string" } } },
    result: { type: "object", required: ["letters"], properties: { letters: { type: "integer" } } },
  };
  await put(client, "/protocols/letters/v1", { methods: { count } });
  await put(client, "/providers/letters", { protocol: "letters/v1", kind: "jsonrpc", url: server.url });
  const ask = (id: string, words: unknown) => ({ id, method: "letters/count", params: { text: words } });

  it("does not get what breaks its schema, also where a reference turns out to", async () => {
    await expect(submit(ask("a", 7))).rejects.toMatchObject({
      code: "invalid_workflow",
      details: { issues: [{ code: "invalid_params", path: "tasks[0].params.text" }] },
    });
    const seven = { id: "seven", method: "mcp/tool.add", params: { a: 3, b: 4 } };
    const run = await submit(seven, { ...ask("never sent", "${seven.result}"), id: "never" });
    expect(run.tasks[1]).toMatchObject({
      status: "failed",
      attemptCount: 1,
      error: {
        code: "invalid_params",
        message: expect.stringContaining("params.text must be a string, not 7"),
      },
    });
    expect(server.texts).toEqual([]);
  });

  it("is not believed what breaks its schema", async () => {
    const run = await submit(ask("a", "break"));
    expect(run.tasks[0]).toMatchObject({
      instance: "letters",
      error: { code: "invalid_result", message: expect.stringContaining("letters") },
    });
  });

  it("is asked by the protocol as it was when the run started, whatever becomes of it meanwhile", async () => {
    const tasks = [ask("first", "hold"), { ...ask("second", "old"), dependencies: ["first"] }];
    const { id } = await client.submit({ workflow: { name: "old", tasks } });
    await vi.waitFor(() => expect(server.texts).toContain("hold"), { timeout: 10_000 });
    const params = { ...count.params, required: ["text", "language"] };
    const result = { ...count.result, required: ["letters", "words"] };
    await put(client, "/protocols/letters/v1", { methods: { count: { params, result } } });
    server.letGo();
    expect(await client.run(id, { waitSeconds: 30 })).toMatchObject({
      status: "completed",
      outputs: { second: { letters: 3 } },
    });
    await expect(submit(ask("new", "new"))).rejects.toMatchObject({ code: "invalid_workflow" });
    const withLanguage = { id: "new", method: "letters/count", params: { text: "new", language: "en" } };
    expect((await submit(withLanguage)).tasks[0]?.error).toMatchObject({ code: "invalid_result" });
  });
});

it("a protocol that nobody serves fails a task at once, and says how to register somebody", async () => {
  await put(client, "/protocols/lonely/v1", { methods: { wait: {} } });
  const [task] = (await submit({ id: "a", method: "lonely/wait" })).tasks;
  expect(task).toMatchObject({
    attemptCount: 1,
    error: {
      code: "no_provider",
      message: expect.stringMatching(/nobody serves protocol lonely\/v1.*PUT \/v1\/providers\/NAME/),
    },
  });
});

/** Counts letters; `break` it answers wrongly, `hold` when it is let go. */
async function serveCounts() {
  const texts: string[] = [];
  const { promise: free, resolve: letGo } = Promise.withResolvers<void>();
  const request = z.object({
    id: z.string(),
    method: z.string(),
    params: z.object({ text: z.string().default("") }),
  });
  const server = createServer(async (incoming, outgoing) => {
    const { id, method, params } = request.parse(JSON.parse(await text(incoming)));
    const answer = (said: object) => outgoing.end(JSON.stringify({ jsonrpc: "2.0", id, ...said }));
    outgoing.setHeader("content-type", "application/json");
    if (method !== "letters/count") return void answer({ error: { code: -32601, message: `no ${method}` } });
    texts.push(params.text);
    if (params.text === "hold") await free;
    answer({ result: { letters: params.text === "break" ? "many" : params.text.length } });
  });
  return { url: `${await openUntil(server, afterAll)}/rpc`, texts, letGo };
}
