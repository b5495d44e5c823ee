import { expect, onTestFinished, test } from "vitest";
import { isJsonObject, type JsonObject } from "../../src/contract/json.ts";
import { OLLAMA } from "../../src/providers/ollama.ts";
import type { FakeOptions } from "../fake-ollama/exchange.ts";
import { type FakeOllama, startFakeOllama } from "../fake-ollama/server.ts";
import { contextFor, failureOf } from "./context.ts";
import { serveWith } from "./http-server.ts";
import { specifyRemote } from "./suite.ts";

const call = (method: string, params: JsonObject) => ({ protocol: "llm/v1", method, params });
const hello = { model: "llama3.2", messages: [{ role: "user", content: "Hello there" }] };
const line = (content: string, done = false) =>
  `${JSON.stringify({ message: { role: "assistant", content }, done })}\n`;

specifyRemote({
  provider: OLLAMA,
  call: call("llm/chat", hello),
  expected: { response: "Good day", content: "Good day", role: "assistant", model: "llama3.2", done: true },
  answer: ({ url }, response) =>
    response.end(
      url === "/api/version" ? '{"version":"1.2.3"}' : line("Good") + line(" day") + line("", true),
    ),
  flood: { head: line("Good"), piece: line("x".repeat(100_000)) },
});

async function fakeWith(options: FakeOptions = {}): Promise<FakeOllama> {
  const fake = await startFakeOllama(options);
  onTestFinished(fake.close);
  return fake;
}

async function ask(method: string, params: JsonObject, options: FakeOptions = {}) {
  const fake = await fakeWith(options);
  const context = contextFor(fake.url);
  const reply = await OLLAMA.execute(call(method, params), context);
  const result = isJsonObject(reply.result) ? reply.result : {};
  return { ...reply, result, tokens: context.tokens, sent: fake.requests.at(-1)?.body ?? {} };
}

async function failure(params: JsonObject, options: FakeOptions, method = "llm/chat") {
  const fake = await fakeWith(options);
  return failureOf(OLLAMA.execute(call(method, params), contextFor(fake.url)));
}

test("a chat's result is the protocol's, with tokens emitted as they come", async () => {
  const { result, usage, tokens } = await ask("llm/chat", hello, { reply: () => "Good day to you." });
  expect(result).toEqual({
    response: "Good day to you.",
    content: "Good day to you.",
    role: "assistant",
    model: "llama3.2",
    done: true,
    done_reason: "stop",
    usage: { prompt_tokens: 2, completion_tokens: 4, total_tokens: 6 },
    tokens_used: 6,
    total_duration: expect.any(Number),
    instance_id: "one",
  });
  expect(usage).toEqual({ promptTokens: 2, completionTokens: 4, totalTokens: 6 });
  expect(tokens).toEqual(["Good", " day", " to", " you."]);
});

test("a completion has its text thrice", async () => {
  const { result, sent } = await ask("llm/complete", { model: "llama3.2", prompt: "Say", system: "Brief" });
  expect(result).toMatchObject({
    response: "You said: Say",
    text: "You said: Say",
    content: "You said: Say",
  });
  expect(sent).toEqual({ model: "llama3.2", prompt: "Say", system: "Brief", stream: true });
});

test("thinking and tool calls are parts of the result, and thinking is not emitted", async () => {
  const toolCall = { function: { name: "weather", arguments: { city: "Bern" } } };
  const reply = () => ({ thinking: "Let me see.", tool_calls: [toolCall] });
  const { result, tokens } = await ask("llm/chat", hello, { reply });
  expect(result).toMatchObject({ response: "", thinking: "Let me see.", tool_calls: [toolCall] });
  expect(tokens).toEqual([]);
});

test("settings of the model go to options, what options says itself wins, the rest stays on top", async () => {
  const { sent } = await ask("llm/chat", {
    ...hello,
    ...{ temperature: 0.5, top_p: 0.9, top_k: 5, seed: 7, stop: "END", num_ctx: 2048, max_tokens: 50 },
    ...{ tools: [], think: false, keep_alive: "1m", format: "json" },
    options: { seed: 8, mirostat: 1 },
  });
  const options = { temperature: 0.5, top_p: 0.9, top_k: 5, seed: 8, stop: ["END"], num_ctx: 2048 };
  expect(sent).toEqual({
    ...hello,
    stream: true,
    options: { ...options, num_predict: 50, mirostat: 1 },
    ...{ tools: [], think: false, keep_alive: "1m", format: "json" },
  });
});

test("prompt and system stand for messages", async () => {
  const { sent } = await ask("llm/chat", { model: "llama3.2", system: "Be brief", prompt: "Hello" });
  expect(sent["messages"]).toEqual([
    { role: "system", content: "Be brief" },
    { role: "user", content: "Hello" },
  ]);
});

test("what a reference left that is not text reaches the model as JSON", async () => {
  const messages = [{ role: "user", content: { mean: 13.2 } }];
  const { sent } = await ask("llm/chat", { model: "llama3.2", messages });
  expect(sent["messages"]).toEqual([{ role: "user", content: '{"mean":13.2}' }]);
});

test("images go to the user's last message as bare base64", async () => {
  const messages = [
    { role: "user", content: "What is it?", images: ["aGVsbG8="] },
    { role: "assistant", content: "A cat." },
  ];
  const images = ["data:image/png;base64,aGVsbG8=", "d29ybGQ="];
  const { sent } = await ask("llm/vision", { model: "llava", messages, images });
  expect(sent["messages"]).toEqual([
    { role: "user", content: "What is it?", images: ["aGVsbG8=", "aGVsbG8=", "d29ybGQ="] },
    { role: "assistant", content: "A cat." },
  ]);
  expect(sent["images"]).toBeUndefined();
});

test("images without a user's message make one", async () => {
  const messages = [{ role: "system", content: "Describe." }];
  const { sent } = await ask("llm/vision", { model: "llava", messages, images: ["aGVsbG8="] });
  expect(sent["messages"]).toContainEqual({ role: "user", content: "", images: ["aGVsbG8="] });
});

test("a call without a model takes the instance's first", async () => {
  const { sent } = await ask("llm/chat", { prompt: "Hello" }, { models: ["qwen3:8b", "llama3.2"] });
  expect(sent["model"]).toBe("qwen3:8b");
  expect(await failure({ prompt: "Hello" }, { models: [] })).toMatchObject({
    code: "model_not_found",
    message: expect.stringContaining("has no model at all. Pull one: ollama pull"),
  });
});

test("llama3.2 and llama3.2:latest are one model", async () => {
  const models = ["llama3.2:latest"];
  expect((await ask("llm/chat", { ...hello, model: "llama3.2" }, { models })).result["done"]).toBe(true);
  expect((await ask("llm/chat", { ...hello, model: "llama3.2:latest" }, { models })).result["done"]).toBe(
    true,
  );
});

test("an unknown model is never tried again; the message names those there are and the command", async () => {
  const failed = await failure({ ...hello, model: "nope" }, { models: ["llama3.2", "llava:7b"] });
  expect(failed.code).toBe("model_not_found");
  expect(failed.message).toContain('does not have the model "nope"; it has llama3.2:latest, llava:7b.');
  expect(failed.message).toContain("ollama pull nope");
  expect(failed.mayRepeat).toBe(false);
});

test("a missing model is said to be where it is, and may be asked for there at once", async () => {
  const fake = await fakeWith({ models: ["llama3.2"] });
  const siblings = async () => [
    { id: "one", models: ["llama3.2:latest"], tools: [] },
    {
      id: "two",
      models: ["nope:latest", ...Array.from({ length: 30 }, (_, index) => `m:${index}`)],
      tools: [],
    },
    ...Array.from({ length: 12 }, (_, index) => ({ id: `empty-${index}`, models: [], tools: [] })),
  ];
  const context = contextFor(fake.url, { siblings });
  const failed = await failureOf(OLLAMA.execute(call("llm/chat", { ...hello, model: "nope" }), context));
  expect(failed).toMatchObject({ code: "model_not_found", mayRepeat: true });
  expect(failed.message).toContain('it has llama3.2:latest; "two" has nope:latest, m:0, ');
  expect(failed.message).toContain('m:18 and 11 more; "empty-0" has none; ');
  expect(failed.message).toMatch(/; and 3 instances more. Pull it: ollama pull nope$/);
  expect(failed.details?.["instances"]).toMatchObject({ one: ["llama3.2:latest"], "empty-0": [] });
});

test("a missing model is pulled where that is allowed, with progress, and then asked", async () => {
  const fake = await fakeWith({ models: [], reply: () => "Here I am." });
  const context = contextFor(fake.url, { instance: { id: "one", url: fake.url, allowPull: true } });
  const { result } = await OLLAMA.execute(call("llm/chat", { ...hello, model: "qwen3" }), context);
  expect(result).toMatchObject({ response: "Here I am." });
  expect(fake.calls["/api/pull"]).toBe(1);
  const total = 2_019_393_189;
  expect(context.reports[0]).toEqual({ progress: 0, total: 0, message: "pulling qwen3: pulling manifest" });
  expect(context.reports).toContainEqual(expect.objectContaining({ progress: Math.round(total / 2), total }));
  expect(context.reports.at(-1)).toEqual({ progress: total, total, message: "pulling qwen3: success" });
});

test("a model that nobody can pull is never tried again; a library out of reach is", async () => {
  const pulling = async (url: string) => {
    const context = contextFor(url, { instance: { id: "one", url, allowPull: true } });
    return failureOf(OLLAMA.execute(call("llm/chat", { ...hello, model: "nope" }), context));
  };
  const fake = await fakeWith({ library: [] });
  expect(await pulling(fake.url)).toMatchObject({
    code: "model_not_found",
    message: expect.stringContaining(
      'cannot pull the model "nope": pull model manifest: file does not exist',
    ),
  });
  const answers = (pull: string) =>
    serveWith(({ url }, response) =>
      url === "/api/pull"
        ? response.end(pull)
        : response.writeHead(404).end(`{"error":"model 'nope' not found"}`),
    );
  const cut = await answers('{"status":"pulling manifest"}\n');
  expect((await pulling(cut.url)).code).toBe("stream_broken");
  const offline = await answers('{"error":"pull model manifest: dial tcp: lookup registry: no such host"}\n');
  expect((await pulling(offline.url)).code).toBe("provider_unavailable");
  const junk = await answers("<html>");
  expect((await pulling(junk.url)).code).toBe("invalid_answer");
  // It says success and still has no such model: once is enough.
  const liar = await answers('{"status":"success"}\n');
  expect((await pulling(liar.url)).code).toBe("model_not_found");
  expect(liar.requests.filter(({ path }) => path === "/api/pull")).toHaveLength(1);
});

test("an abort ends a pull, and its connection", async () => {
  const controller = new AbortController();
  const server = await serveWith(({ url }, response) => {
    if (url !== "/api/pull") return response.writeHead(404).end(`{"error":"model 'nope' not found"}`);
    return response.write('{"status":"pulling manifest"}\n', () => controller.abort("no longer wanted"));
  });
  const instance = { id: "one", url: server.url, allowPull: true };
  const context = contextFor(server.url, { instance, signal: controller.signal });
  await expect(OLLAMA.execute(call("llm/chat", hello), context)).rejects.toBe("no longer wanted");
  await server.left;
});

test("a server that is busy says so, and may be passed over at once", async () => {
  const busy = await failure(hello, { maxConcurrent: 0 });
  expect(busy).toMatchObject({ code: "provider_unavailable", mayRepeat: true });
  expect(busy.message).toContain("answered 503: server busy, please try again.");
});

test("trouble of each kind has its code", async () => {
  const codes: Record<string, string> = {};
  for (const trouble of ["500", "429", "junk", "refuse", "reset"] as const) {
    codes[trouble] = (await failure(hello, { trouble: () => trouble })).code;
  }
  expect(codes).toEqual({
    "500": "provider_unavailable",
    "429": "provider_unavailable",
    junk: "invalid_answer",
    refuse: "connection_failed",
    reset: "stream_broken",
  });
});

test("a 404 that does not speak of a model is no missing model", async () => {
  const server = await serveWith((_, response) => response.writeHead(404).end("404 page not found"));
  const failed = await failureOf(OLLAMA.execute(call("llm/chat", hello), contextFor(server.url)));
  expect(failed.code).toBe("provider_rejected");
});

test("an error in the stream breaks it off; before the first token the provider cannot serve", async () => {
  const error = "the model runner has stopped";
  const begun = await failure(hello, { fail: () => ({ afterTokens: 2, error }) });
  expect(begun).toMatchObject({ code: "stream_broken", message: expect.stringContaining(error) });
  const notBegun = await failure(hello, { fail: () => ({ afterTokens: 0, error }) });
  expect(notBegun).toMatchObject({ code: "provider_unavailable", message: expect.stringContaining(error) });
});

test("a stream that ends without done is broken, however properly it ends", async () => {
  const server = await serveWith((_, response) => response.end(line("Good")));
  const failed = await failureOf(OLLAMA.execute(call("llm/chat", hello), contextFor(server.url)));
  expect(failed.code).toBe("stream_broken");
});

test("lines may be cut anywhere, characters too", async () => {
  const server = await serveWith(async (_, response) => {
    for (const byte of Buffer.from(line("Grüße 🎉") + line("", true))) {
      await new Promise((sent) => response.write(Buffer.of(byte), sent));
    }
    response.end();
  });
  const { result } = await OLLAMA.execute(call("llm/chat", hello), contextFor(server.url));
  expect(result).toMatchObject({ response: "Grüße 🎉" });
});

test("an answer must be what format asks for", async () => {
  const format = { type: "object", required: ["age"], properties: { age: { type: "integer" } } };
  const request = { ...hello, format };
  expect((await ask("llm/chat", request, { reply: () => '{"age": 22}' })).result["response"]).toBe(
    '{"age": 22}',
  );
  const wrong = await failure(request, { reply: () => '{"age": "old"}' });
  expect(wrong.code).toBe("invalid_result");
  expect(wrong.message).toContain("answer.age must be a whole number");
  const cut = await failure({ ...request, max_tokens: 1 }, { reply: () => '{"age": 22}' });
  expect(cut.message).toContain("raise max_tokens");
  const text = await failure({ ...hello, format: "json" }, { reply: () => "I am 22." });
  expect(text.message).toContain("it is not JSON");
});

test("an answer is not held to a format that could take for ever: its host keeps to it, or not", async () => {
  const format = { properties: { age: { pattern: "^(a+)+$" } } };
  const said = JSON.stringify({ age: `${"a".repeat(60)}!` });
  const { result } = await ask("llm/chat", { ...hello, format }, { reply: () => said });
  expect(result["response"]).toBe(said);
  expect((await failure({ ...hello, format }, { reply: () => "no" })).message).toContain("it is not JSON");
});

test("embeddings come for one text or several, under either name", async () => {
  const { result, usage } = await ask("llm/embed", { model: "llama3.2", input: ["a", "b"] });
  expect(result).toMatchObject({ model: "llama3.2", tokens_used: 2 });
  expect(result["embeddings"]).toHaveLength(2);
  expect(result["embedding"]).toHaveLength(8);
  expect(usage).toEqual({ promptTokens: 2, completionTokens: 0, totalTokens: 2 });
  expect((await ask("llm/embed", { model: "llama3.2", text: "a" })).sent["input"]).toBe("a");
});

test("list_models says who has what, of all instances that are known", async () => {
  const siblings = async () => [
    { id: "one", models: ["llama3.2:latest"], tools: [] },
    { id: "two", models: ["llama3.2:latest", "qwen3:8b"], tools: [] },
    { id: "three", models: [], tools: [] },
  ];
  const { result } = await OLLAMA.execute(call("llm/list_models", {}), contextFor("", { siblings }));
  expect(result).toEqual({
    models: ["llama3.2:latest", "qwen3:8b"],
    model_distribution: { "llama3.2:latest": ["one", "two"], "qwen3:8b": ["two"] },
    total_instances: 3,
  });
});

test("list_models asks the instance itself where nothing is known", async () => {
  const { result } = await ask("llm/list_models", {}, { models: ["llama3.2", "qwen3:8b"] });
  expect(result).toEqual({
    models: ["llama3.2:latest", "qwen3:8b"],
    model_distribution: { "llama3.2:latest": ["one"], "qwen3:8b": ["one"] },
    total_instances: 1,
  });
});

test("an instance is described by its models, those in memory among them, and its version", async () => {
  const fake = await fakeWith({ models: ["llama3.2", "qwen3:8b"] });
  const context = contextFor(`${fake.url}/`);
  await OLLAMA.execute(call("llm/chat", hello), context);
  expect(await OLLAMA.describe(context)).toEqual({
    models: ["llama3.2:latest", "qwen3:8b"],
    loaded: ["llama3.2:latest"],
    version: "0.13.0",
  });
});

test("one that does not say what is in memory is described without", async () => {
  const server = await serveWith(({ url }, response) => {
    if (url === "/api/ps") response.writeHead(404).end();
    else response.end(url === "/api/tags" ? '{"models":null}' : '{"version":"0.1.30"}');
  });
  expect(await OLLAMA.describe(contextFor(server.url))).toEqual({ models: [], version: "0.1.30" });
});

test("the limit counts every copy of the text in the result", async () => {
  const server = await serveWith((_, response) => response.end(line("x".repeat(5_000_000)) + line("", true)));
  const failed = await failureOf(OLLAMA.execute(call("llm/chat", hello), contextFor(server.url)));
  expect(failed.code).toBe("result_too_large");
});

test("an unknown method is never tried again", async () => {
  expect((await failure({}, {}, "llm/paint")).code).toBe("unknown_method");
});
