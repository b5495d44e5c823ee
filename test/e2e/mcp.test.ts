/** MCP servers of a whole service, over Streamable HTTP: their tools, resources and prompts in workflows. */
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { afterAll, describe, expect, it } from "vitest";
import * as z from "zod";
import type { JournalEntry, LiveEvent } from "../../src/contract/event.ts";
import { instanceView } from "../../src/contract/provider.ts";
import { startEverything } from "../providers/mcp-everything-server.ts";
import { serveFetch } from "../providers/mcp-http.ts";
import { collect, put, serviceForFile } from "./service.ts";

const everything = await startEverything();
afterAll(everything.close);
const client = await serviceForFile({ python: false, mcpUrls: [`everything=${everything.url}`] });

const submit = (...tasks: object[]) =>
  client.submit({ workflow: { name: "tools", tasks } }, { waitSeconds: 30 });
/** One task; what became of it. */
async function call(method: string, params: object = {}) {
  const { id } = await submit({ id: "a", method, params });
  return client.task(id, "a");
}

describe("a tool", () => {
  it("is found by its name, and is done at the server that has it", async () => {
    const result = { response: "The sum of 2 and 3 is 5." };
    const done = { status: "completed", instance: "everything", result };
    expect(await call("mcp/tool.get-sum", { a: 2, b: 3 })).toMatchObject(done);
    expect(await call("mcp/tools/call", { name: "get-sum", arguments: { a: 2, b: 3 } })).toMatchObject({
      status: "completed",
      result: { content: [{ type: "text", text: result.response }] },
    });
  });

  it("gives results that later tasks refer to, with their types", async () => {
    const run = await submit(
      { id: "weather", method: "mcp/tool.get-structured-content", params: { location: "Chicago" } },
      { id: "warmer", method: "mcp/tool.add", params: { a: "${weather.result.temperature}", b: 4 } },
      { id: "wet", method: "mcp/tool.get-sum", params: { a: "${weather.humidity}", b: "${warmer.result}" } },
    );
    expect(run).toMatchObject({
      status: "completed",
      outputs: { wet: { response: "The sum of 82 and 40 is 122." } },
    });
  });

  it("that is built in is still there, and `server` says that another is meant", async () => {
    const own = await call("mcp/tool.echo", { message: "hi" });
    const theirs = await call("mcp/tool.echo", { message: "hi", server: "everything" });
    expect(own).toMatchObject({ result: { response: "hi", echoed: true } });
    expect(own.instance).toBeUndefined();
    expect(theirs).toMatchObject({ result: { response: "Echo: hi" }, instance: "everything" });
  });

  it("that nobody has fails at once, naming the nearest", async () => {
    const [checked] = (await client.check({ name: "t", tasks: [{ id: "a", method: "mcp/tool.get-summ" }] }))
      .issues;
    expect(checked).toMatchObject({ severity: "warning", code: "unknown_tool" });
    const unknown = { code: "unknown_tool", message: expect.stringContaining('did you mean "get-sum"?') };
    expect(await call("mcp/tool.get-summ", { a: 1 })).toMatchObject({ attemptCount: 1, error: unknown });
    expect(await call("mcp/tool.get-summ", { server: "everything" })).toMatchObject({ error: unknown });
  });

  it("that fails fails its task, with what it said", async () => {
    const params = { data: "ftp://127.0.0.1/none" };
    expect(await call("mcp/tool.gzip-file-as-resource", params)).toMatchObject({
      status: "failed",
      instance: "everything",
      error: {
        code: "tool_failed",
        message: expect.stringMatching(/"gzip-file-as-resource".* failed: .*ftp/),
      },
    });
  });

  it("tells how far it is, to whoever follows the run", async () => {
    const long = { id: "long", method: "mcp/tool.trigger-long-running-operation" };
    const tasks = [{ ...long, params: { duration: 2, steps: 4 } }];
    const { id } = await client.submit({ workflow: { name: "long", tasks } });
    const told = await collect(client.events(id));
    const steps = progressIn(told).map(({ progress }) => progress);
    expect(steps.length).toBeGreaterThan(1);
    expect(steps).toEqual([1, 2, 3, 4].slice(-steps.length));
    expect(progressIn(told).at(-1)).toMatchObject({ taskId: "long", attempt: 1, progress: 4, total: 4 });
    expect(told.findLastIndex(({ type }) => type === "task.progress")).toBeLessThan(
      told.findIndex(({ type }) => type === "task.completed"),
    );
    expect(progressIn(await collect(client.events(id)))).toEqual([]);
  });
});

it("resources and prompts of a server are those of its name", async () => {
  const uri = "demo://resource/static/document/features.md";
  const server = "everything";
  const run = await submit(
    { id: "read", method: "mcp/resources/read", params: { uri, server } },
    {
      id: "ask",
      method: "mcp/prompts/get",
      params: { name: "args-prompt", arguments: { city: "Bern" }, server },
    },
    { id: "there", method: "mcp/resources/list", params: { server } },
  );
  expect(run).toMatchObject({
    status: "completed",
    outputs: {
      read: { contents: [{ uri, text: expect.stringContaining("#") }] },
      ask: { messages: [{ content: { text: "What's weather in Bern?" } }] },
      there: { resources: expect.arrayContaining([expect.objectContaining({ uri })]) },
    },
  });
  expect(await call("mcp/resources/read", { uri, server: "everythin" })).toMatchObject({
    error: { code: "no_provider", message: expect.stringContaining('did you mean "everything"?') },
  });
});

describe("servers that have a tool of the same name", async () => {
  const [north, south] = [await serve("north", "forecast"), await serve("south", "forecast")];
  const forecast = (params: object) => call("mcp/tool.forecast", { city: "Bern", ...params });

  it("are named where the task does not say which, and `server` says it", async () => {
    await Promise.all([register("north", north.url), register("south", south.url)]);
    expect(await forecast({})).toMatchObject({
      attemptCount: 1,
      error: {
        code: "invalid_params",
        message: expect.stringMatching(
          /: (north, south|south, north) have a tool "forecast": .*server: (north|south)$/,
        ),
      },
    });
    expect([north.calls(), south.calls()]).toEqual([0, 0]);
    const done = { status: "completed", instance: "south", result: { response: "south: Bern" } };
    expect(await forecast({ server: "south" })).toMatchObject(done);
    expect([north.calls(), south.calls()]).toEqual([0, 1]);
  });

  it("are not asked where the arguments break the tool's own schema", async () => {
    const before = north.calls();
    const wrong = await forecast({ city: 3000, server: "north" });
    expect(wrong).toMatchObject({
      attemptCount: 1,
      error: {
        code: "invalid_params",
        message: expect.stringMatching(/"forecast" of instance "north" .*: arguments\.city must be a string/),
        details: { path: "city" },
      },
    });
    expect(north.calls()).toBe(before);
  });

  it("share the calls where they are replicas: where each says the same name of itself", async () => {
    const [one, two] = [await serve("dice", "roll"), await serve("dice", "roll")];
    await Promise.all([register("dice-1", one.url), register("dice-2", two.url)]);
    const tasks = Array.from({ length: 8 }, (_, index) => {
      const server = index % 2 === 0 ? {} : { server: "dice" };
      return { id: `t${index}`, method: "mcp/tool.roll", params: { city: "Bern", ...server } };
    });
    expect(await submit(...tasks)).toMatchObject({ status: "completed" });
    expect(one.calls() + two.calls()).toBe(8);
    expect(Math.min(one.calls(), two.calls())).toBeGreaterThan(1);
  });
});

const progressIn = (told: (JournalEntry | LiveEvent)[]) =>
  told.flatMap((one) => (one.type === "task.progress" ? one : []));

async function register(id: string, url: string): Promise<void> {
  const { health } = instanceView.parse(
    await put(client, `/providers/${id}`, { protocol: "mcp/v1", kind: "mcp", url }),
  );
  expect(health.status).toBe("healthy");
}

/** A server of this name with one tool; `calls`: how often it was asked to use it. */
async function serve(name: string, tool: string) {
  let asked = 0;
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name, version: "1" });
    server.registerTool(tool, { inputSchema: z.object({ city: z.string() }) }, async ({ city }) => ({
      content: [{ type: "text", text: `${name}: ${city}` }],
    }));
    return server;
  });
  const url = await serveFetch(async (request) => {
    const { method } = z.object({ method: z.string() }).parse(await request.clone().json());
    if (method === "tools/call") asked++;
    return handler.fetch(request);
  }, afterAll);
  return { url, calls: () => asked };
}
