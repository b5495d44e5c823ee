/** The fake is held against the official client and against Ollama's documentation. */
import { Ollama } from "ollama";
import { afterEach, expect, test } from "vitest";
import type { FakeOptions } from "./exchange.ts";
import { type FakeOllama, startFakeOllama } from "./server.ts";

let fake: FakeOllama | undefined;
afterEach(() => fake?.close());

async function client(options: FakeOptions = {}): Promise<Ollama> {
  fake = await startFakeOllama(options);
  return new Ollama({ host: fake.url });
}

const hello = [{ role: "user", content: "Hello there" }];

test("a chat comes whole", async () => {
  const ollama = await client({ reply: () => "Good day to you." });
  const answer = await ollama.chat({ model: "llama3.2", messages: hello });
  expect(answer.message).toEqual({ role: "assistant", content: "Good day to you." });
  expect(answer).toMatchObject({ model: "llama3.2", done: true, done_reason: "stop", eval_count: 4 });
  expect(answer.prompt_eval_count).toBe(2);
  expect(answer.total_duration).toBeGreaterThan(0);
});

test("a chat comes token by token", async () => {
  const ollama = await client({ reply: () => "Good day to you." });
  const tokens: string[] = [];
  let last: unknown;
  for await (const part of await ollama.chat({ model: "llama3.2:latest", messages: hello, stream: true })) {
    tokens.push(part.message.content);
    last = part;
  }
  expect(tokens).toEqual(["Good", " day", " to", " you.", ""]);
  expect(last).toMatchObject({ done: true, done_reason: "stop", eval_count: 4 });
});

test("thinking and tool calls are parts of their own", async () => {
  const call = { function: { name: "weather", arguments: { city: "Bern" } } };
  const ollama = await client({ reply: () => ({ thinking: "Let me see.", tool_calls: [call] }) });
  const { message } = await ollama.chat({ model: "llama3.2", messages: hello });
  expect(message).toMatchObject({ content: "", thinking: "Let me see.", tool_calls: [call] });
});

test("a completion comes whole, token by token, and cut at num_predict", async () => {
  const ollama = await client({ reply: () => "one two three" });
  const request = { model: "llama3.2", prompt: "Count" };
  expect((await ollama.generate(request)).response).toBe("one two three");
  let streamed = "";
  for await (const part of await ollama.generate({ ...request, stream: true })) streamed += part.response;
  expect(streamed).toBe("one two three");
  const cut = await ollama.generate({ ...request, options: { num_predict: 2 } });
  expect(cut).toMatchObject({ response: "one two", done_reason: "length" });
});

test("embeddings are unit vectors that depend on the text alone", async () => {
  const ollama = await client();
  const { embeddings } = await ollama.embed({ model: "llama3.2", input: ["a", "b", "a"] });
  expect(embeddings).toHaveLength(3);
  expect(embeddings[0]).toEqual(embeddings[2]);
  expect(embeddings[0]).not.toEqual(embeddings[1]);
  expect(Math.hypot(...(embeddings[0] ?? []))).toBeCloseTo(1);
});

test("models are listed, shown, and running once they were asked", async () => {
  const ollama = await client({ models: ["llama3.2", "qwen3:8b"] });
  expect((await ollama.list()).models.map(({ name }) => name)).toEqual(["llama3.2:latest", "qwen3:8b"]);
  expect((await ollama.ps()).models).toEqual([]);
  await ollama.generate({ model: "qwen3:8b", prompt: "Hello" });
  expect((await ollama.ps()).models.map(({ name }) => name)).toEqual(["qwen3:8b"]);
  expect((await ollama.show({ model: "llama3.2" })).details.family).toBe("llama");
  expect((await ollama.version()).version).toMatch(/^\d+\.\d+\.\d+$/);
});

test("an unknown model is a 404 that names it", async () => {
  const ollama = await client();
  const asked = ollama.chat({ model: "nope", messages: hello });
  await expect(asked).rejects.toMatchObject({ status_code: 404, error: "model 'nope' not found" });
});

test("an image must be base64 without a data URL", async () => {
  const ollama = await client();
  const chat = (image: string) =>
    ollama.chat({ model: "llava", messages: [{ role: "user", content: "What is it?", images: [image] }] });
  await expect(chat("aGVsbG8=")).resolves.toBeDefined();
  await expect(chat("data:image/png;base64,aGVsbG8=")).rejects.toMatchObject({
    status_code: 400,
    error: "illegal base64 data at input byte 4",
  });
});

test("bad JSON and no JSON are 400", async () => {
  fake = await startFakeOllama();
  const post = (body: string) => fetch(`${fake?.url}/api/chat`, { method: "POST", body });
  const missing = await post("");
  expect([missing.status, await missing.json()]).toEqual([400, { error: "missing request body" }]);
  const bad = await post("hello");
  expect([bad.status, await bad.json()]).toEqual([
    400,
    { error: "invalid character 'h' looking for beginning of value" },
  ]);
});

test("an empty conversation only loads the model", async () => {
  const ollama = await client();
  expect(await ollama.chat({ model: "llama3.2", messages: [] })).toMatchObject({
    done_reason: "load",
    done: true,
  });
});

test("headers come with the first token", async () => {
  fake = await startFakeOllama({ tokenDelayMs: 30, reply: () => "one two three" });
  const startedAt = performance.now();
  const body = JSON.stringify({ model: "llama3.2", prompt: "Count" });
  const response = await fetch(`${fake.url}/api/generate`, { method: "POST", body });
  const headersAt = performance.now();
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  await response.text();
  expect(headersAt - startedAt).toBeGreaterThanOrEqual(29);
  expect(performance.now() - headersAt).toBeGreaterThanOrEqual(50);
});

test("a failure can be injected before the answer, within it, and as a broken connection", async () => {
  const failures = [
    { status: 503, error: "server busy, please try again. maximum pending requests exceeded" },
    { afterTokens: 1, error: "the model runner has stopped" },
    { afterTokens: 1 },
  ];
  const ollama = await client({ fail: (_, count) => failures[count - 1], reply: () => "one two" });
  const chat = async () => {
    const stream = await ollama.chat({ model: "llama3.2", messages: hello, stream: true });
    for await (const _ of stream);
  };
  await expect(chat()).rejects.toMatchObject({ status_code: 503 });
  await expect(chat()).rejects.toThrow("the model runner has stopped");
  await expect(chat()).rejects.toThrow();
  await expect(chat()).resolves.toBeUndefined();
});

test("a pull says how far it is, and then the model is there, before the others", async () => {
  const ollama = await client({ models: ["llama3.2"], library: ["qwen3:8b"] });
  const said: string[] = [];
  let layer: unknown;
  for await (const part of await ollama.pull({ model: "qwen3:8b", stream: true })) {
    said.push(part.status);
    if (part.completed !== undefined) layer = part;
  }
  expect(said[0]).toBe("pulling manifest");
  expect(said.slice(-3)).toEqual(["verifying sha256 digest", "writing manifest", "success"]);
  expect(layer).toMatchObject({ digest: expect.stringMatching(/^sha256:/), total: 2_019_393_189 });
  expect((await ollama.list()).models.map(({ name }) => name)).toEqual(["qwen3:8b", "llama3.2:latest"]);
  const unknown = async () => {
    for await (const _ of await ollama.pull({ model: "nope", stream: true }));
  };
  await expect(unknown()).rejects.toThrow("pull model manifest: file does not exist");
});

test("a model that is not to be kept is not running afterwards", async () => {
  const ollama = await client();
  await ollama.generate({ model: "llama3.2", prompt: "Hello" });
  await ollama.generate({ model: "llama3.2", prompt: "Hello", keep_alive: 0 });
  await expect.poll(async () => (await ollama.ps()).models).toEqual([]);
});

test("more questions at a time than it takes are 503", async () => {
  const ollama = await client({ maxConcurrent: 1, replyDelayMs: 500 });
  const request = { model: "llama3.2", prompt: "Hello" };
  const answers = await Promise.allSettled([ollama.generate(request), ollama.generate(request)]);
  expect(answers.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
  expect(answers.find(({ status }) => status === "rejected")).toMatchObject({
    reason: { status_code: 503, error: expect.stringContaining("server busy") },
  });
  await expect(ollama.generate(request)).resolves.toBeDefined();
});

test("trouble of each kind looks as it does from outside", async () => {
  const troubles = ["500", "429", "junk", "refuse", "reset", "hang"] as const;
  fake = await startFakeOllama({ trouble: ({ count }) => troubles[count - 1], reply: () => "one two" });
  const { url, calls } = fake;
  const body = JSON.stringify({ model: "llama3.2", prompt: "Count" });
  const post = (signal: AbortSignal | null = null) =>
    fetch(`${url}/api/generate`, { method: "POST", body, signal });
  expect((await post()).status).toBe(500);
  const busy = await post();
  expect([busy.status, busy.headers.get("retry-after")]).toEqual([429, "1"]);
  expect(await (await post()).text()).toContain("<h1>Something else");
  await expect(post()).rejects.toThrow("fetch failed");
  const broken = (await post()).body?.getReader();
  expect(new TextDecoder().decode((await broken?.read())?.value)).toContain('"response":"one"');
  await expect(broken?.read()).rejects.toThrow();
  await expect(post(AbortSignal.timeout(50))).rejects.toThrow("timeout");
  expect((await post()).status).toBe(200);
  expect(calls).toEqual({ "/api/generate": 7 });
});

test("a host goes away and comes back at the same address", async () => {
  const ollama = await client({
    trouble: ({ path, count }) => (path.endsWith("chat") && count === 1 ? "hang" : undefined),
  });
  const chat = () => ollama.chat({ model: "llama3.2", messages: hello });
  const interrupted = expect(chat()).rejects.toThrow();
  await expect.poll(() => fake?.calls["/api/chat"]).toBe(1);
  await fake?.stop();
  await interrupted;
  await expect(chat()).rejects.toThrow("fetch failed");
  await fake?.start();
  expect((await chat()).message.content).toBe("You said: Hello there");
});
