/** Registering hosts and protocols with a whole service, over real HTTP: what is registered does the work. */
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { afterAll, expect, it } from "vitest";
import * as z from "zod";
import { discoveryReport, instanceView, providerList } from "../../src/contract/provider.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { openUntil } from "../providers/http-server.ts";
import { collect, serviceForFile } from "./service.ts";

const logged: string[] = [];
const client = await serviceForFile({ python: false, log: (line) => logged.push(line) });
const [attic, cellar] = await Promise.all([
  startFakeOllama({ models: ["llama3.2"], reply: () => "from the attic" }),
  startFakeOllama({ models: ["llama3.2", "moon"], reply: () => "from the cellar" }),
]);
afterAll(() => Promise.all([attic.close(), cellar.close()]));

const TOKEN = "Bearer hunter2-hunter2";
/** A JSON-RPC server of somebody's own, which asks for a token. */
const moods = await serveMoods();

const ask = async (method: string, path: string, body?: unknown) => {
  const answer = await fetch(`${client.url}/v1${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  });
  const said = await answer.text();
  return { status: answer.status, said, body: said === "" ? undefined : JSON.parse(said) };
};
const ollama = (url: string, more: object = {}) => ({ protocol: "llm/v1", kind: "ollama", url, ...more });
const chat = async (task: object) => {
  const tasks = [{ id: "a", method: "llm/chat", params: { prompt: "hi", model: "llama3.2" }, ...task }];
  return await client.submit({ workflow: { name: "where", tasks } }, { waitSeconds: 30 });
};

it("registers hosts, shows what they have, and lists them", async () => {
  const first = await ask("PUT", "/providers/attic", ollama(attic.url, { tags: ["quiet"] }));
  expect([first.status, instanceView.parse(first.body)]).toMatchObject([
    201,
    { id: "attic", version: "0.13.0", health: { status: "healthy" }, models: [{ name: "llama3.2:latest" }] },
  ]);
  await ask("PUT", "/providers/cellar", ollama(cellar.url, { tags: ["loud", "deep"] }));
  const { items } = providerList.parse((await ask("GET", "/providers?protocol=llm/v1")).body);
  expect(items.map(({ id, source }) => [id, source])).toEqual([
    ["attic", "registered"],
    ["cellar", "registered"],
  ]);
});

it.each([
  [{ instance: "attic" }, "attic"],
  [{ instance: "cellar" }, "cellar"],
  [{ tags: "quiet" }, "attic"],
  [{ tags: ["loud", "deep"] }, "cellar"],
])("a task with %j is done there", async (where, id) => {
  const run = await chat(where);
  expect(run).toMatchObject({
    status: "completed",
    tasks: [{ instance: id }],
    outputs: { a: { response: `from the ${id}` } },
  });
});

it.each([
  [{ instance: "atic" }, /there is no instance "atic".*did you mean "attic"/],
  [{ tags: ["quiet", "deep"] }, /no instance has the tags/],
])("a task with %j, which nobody is, fails and says who there is", async (where, message) => {
  const run = await chat(where);
  expect(run.tasks[0]?.error).toMatchObject({
    code: "no_provider",
    message: expect.stringMatching(message),
  });
});

it("a protocol of one's own runs on a server of one's own, with its schemas enforced both ways", async () => {
  const score = {
    params: { type: "object", required: ["text"], properties: { text: { type: "string" } } },
    result: { type: "object", required: ["score"], properties: { score: { type: "number" } } },
  };
  expect((await ask("PUT", "/protocols/mood/v1", { methods: { score } })).status).toBe(201);
  const registered = await ask("PUT", "/providers/moods", {
    protocol: "mood/v1",
    kind: "jsonrpc",
    url: moods.url,
    headers: { Authorization: TOKEN },
  });
  expect([registered.status, registered.body.health.status]).toEqual([201, "healthy"]);
  const run = (params: object) =>
    client.submit(
      { workflow: { name: "m", tasks: [{ id: "a", method: "mood/score", params }] } },
      { waitSeconds: 30 },
    );
  expect(await run({ text: "glad" })).toMatchObject({
    status: "completed",
    outputs: { a: { score: 4 } },
    tasks: [{ instance: "moods" }],
  });
  await expect(run({ txt: "glad" })).rejects.toMatchObject({ code: "invalid_workflow" });
  expect((await run({ text: "break" })).tasks[0]?.error).toMatchObject({ code: "invalid_result" });
});

it("shows a secret header in no answer, event or line of the log", async () => {
  await ask("PUT", "/providers/moods", {
    protocol: "mood/v1",
    kind: "jsonrpc",
    url: moods.url,
    headers: { Authorization: TOKEN },
  });
  const tasks = ["glad", "break", "echo"].map((word) => ({
    id: word,
    method: "mood/score",
    params: { text: word },
    retry: { maxAttempts: 1 },
  }));
  const run = await client.submit({ workflow: { name: "m", tasks } }, { waitSeconds: 30 });
  const said = [
    JSON.stringify(run),
    JSON.stringify(await collect(client.events(run.id))),
    ...(await Promise.all(tasks.map(async ({ id }) => JSON.stringify(await client.task(run.id, id))))),
    ...(await Promise.all(["", "/moods"].map(async (path) => (await ask("GET", `/providers${path}`)).said))),
    (await ask("POST", "/providers/moods/check")).said,
    ...logged,
  ];
  expect(moods.asked).toContain(TOKEN);
  expect(said.filter((one) => one.includes("hunter2"))).toEqual([]);
});

it("a host that is gone is unhealthy at the next check, and healthy again when it is back", async () => {
  const check = async () =>
    instanceView.parse((await ask("POST", "/providers/cellar/check")).body).health.status;
  await cellar.stop();
  expect(await check()).toBe("unhealthy");
  await cellar.start();
  expect(await check()).toBe("healthy");
});

it("a removed host gets no more calls", async () => {
  expect((await ask("DELETE", "/providers/cellar")).status).toBe(204);
  expect((await ask("GET", "/providers/cellar")).status).toBe(404);
  expect((await chat({})).tasks[0]?.instance).toBe("attic");
});

it("discovery looks only where the settings let it", async () => {
  const { found } = discoveryReport.parse((await ask("POST", "/providers/discover")).body);
  expect(found.filter(({ kind }) => kind === "ollama")).toEqual([]);
});

async function serveMoods() {
  const asked: (string | undefined)[] = [];
  const request = z.object({
    id: z.string(),
    method: z.string(),
    params: z.object({ text: z.string().default("") }),
  });
  const server = createServer(async (incoming, outgoing) => {
    const { authorization } = incoming.headers;
    asked.push(authorization);
    if (authorization !== TOKEN) return void outgoing.writeHead(401).end(`no: ${authorization}`);
    const { id, params } = request.parse(JSON.parse(await text(incoming)));
    // One that says its caller's headers back is not to be trusted with messages.
    const error = { code: -32000, message: `you sent ${authorization}` };
    const score = params.text === "break" ? "high" : params.text.length;
    const answer = params.text === "echo" ? { error } : { result: { score } };
    outgoing.setHeader("content-type", "application/json");
    outgoing.end(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
  });
  return { url: `${await openUntil(server, afterAll)}/rpc`, asked };
}
