/** What workflow files of the original may say beside those of the corpus: keys, priorities, references, methods. */
import { describe, expect, it } from "vitest";
import type { FakeRequest } from "../fake-ollama/exchange.ts";
import { promptOf } from "../fake-ollama/exchange.ts";
import { promptsOf, valueIn } from "./corpus.ts";
import { stageForFile } from "./stage.ts";

/** How often a prompt that asks for it is still to be refused. */
let refusals = 0;
const BUSY = { status: 429, error: "busy", headers: { "retry-after": "0" } };
const refuse = (request: FakeRequest) =>
  promptOf(request).startsWith("Try") && refusals-- > 0 ? BUSY : undefined;

const { runText } = await stageForFile({ fail: refuse });

describe("dependencies", () => {
  it("may be one name with spaces, under depends_on", async () => {
    const { run, results, warnings } = await runText(`
name: names
tasks:
  - name: Say It Again
    method: echo/echo
    depends_on: Say It
    params: { message: "again: \${Say It.result.response}" }
  - name: Say It
    method: echo/echo
    params: { message: hello }
`);
    expect(run.tasks.map(({ id, dependencies }) => [id, dependencies])).toEqual([
      ["say-it-again", ["say-it"]],
      ["say-it", []],
    ]);
    expect(results["say-it-again"]?.["response"]).toBe("again: hello");
    expect(warnings).toEqual([]);
  });

  it("keep their order also where nothing is referred to", async () => {
    const { tasks } = await runText(`
name: order
tasks:
  - { id: second, method: mcp/tool.echo, depends_on: [first], parameters: { message: b } }
  - { id: first, method: python/execute, params: { code: "import time; time.sleep(0.1)" } }
`);
    const [first, second] = [tasks.get("first"), tasks.get("second")];
    expect(Date.parse(second?.startedAt ?? "")).toBeGreaterThanOrEqual(Date.parse(first?.finishedAt ?? "x"));
  });

  it("follow from references in tasks without ids and names", async () => {
    const { run, results } = await runText(`
tasks:
  - { method: mcp/tool.add, parameters: { a: 1, b: 2 } }
  - { method: mcp/tool.concat, parameters: { strings: ["it is", "\${task-1.result}"] } }
`);
    expect(run.tasks.map(({ id, dependencies }) => [id, dependencies])).toEqual([
      ["task-1", []],
      ["task-2", ["task-1"]],
    ]);
    expect(results["task-2"]?.["response"]).toBe("it is 3");
  });
});

describe("references", () => {
  it("keep the type of what they stand for alone, and are text or JSON within a text", async () => {
    const { results, tasks } = await runText(`
name: types
tasks:
  - id: draw
    method: python/execute
    params:
      code: |
        result = {"list": [1, 2], "none": None, "flag": True, "deep": {"a b": [{"x": 1.5}]}}
  - id: take
    method: python/execute
    params:
      code: "result = {key: type(value).__name__ for key, value in context.items()}"
      context:
        whole: "\${draw.result}"
        list: "\${draw.result.list}"
        item: "\${draw.result.list[1]}"
        dotted: "\${draw.result.list.0}"
        none: "\${draw.result.none}"
        flag: "\${draw.result.flag}"
        quoted: '\${draw.result.deep["a b"][0].x}'
        text: "list: \${draw.result.list}, flag: \${draw.result.flag}"
  - id: context-itself
    method: python/execute
    params: { code: "result = context['list'][0] + args['list'][1]", context: "\${draw.result}", args: "\${draw.result}" }
`);
    const [whole, list, item, flag] = ["dict", "list", "int", "bool"];
    expect(results["take"]?.["result"]).toEqual({
      whole,
      list,
      item,
      dotted: "int",
      none: "NoneType",
      flag,
      quoted: "float",
      text: "str",
    });
    expect(tasks.get("take")?.params?.["context"]).toMatchObject({ text: "list: [1,2], flag: true" });
    expect(results["context-itself"]?.["result"]).toBe(3);
  });

  it("find a chat's text as response, content and result.content, and a tool's as result and result.response", async () => {
    const { asked } = await runText(`
name: texts
tasks:
  - { id: ask, method: llm/chat, params: { model: llama3.2, prompt: Hi } }
  - { id: add, method: mcp/tool.add, params: { a: 1, b: 2 } }
  - id: all
    method: llm/chat
    params:
      prompt: "\${ask.response}|\${ask.content}|\${ask.result.content}|\${ask.result.response}|\${add.result}|\${add.response}|\${add.content}"
`);
    const said = "You said: Hi";
    expect(promptsOf(asked)[1]).toBe([said, said, said, said, 3, 3, 3].join("|"));
  });

  it("may stand inside a script, with a warning", async () => {
    const { results, warnings } = await runText(`
name: inside
tasks:
  - { id: draw, method: python/execute, params: { code: "result = {'numbers': [1, 2, 3]}" } }
  - { id: ask, method: llm/chat, params: { prompt: Hi } }
  - id: use
    method: python/execute
    params:
      code: |
        data = \${draw.result}
        text = '''\${ask.response}'''
        result = f"{sum(data['numbers'])} {text}"
`);
    expect(results["use"]?.["result"]).toBe("6 You said: Hi");
    expect(warnings).toEqual(Array(2).fill(expect.stringContaining("pass it through context")));
  });
});

describe("settings", () => {
  it("of priority may be numbers: 1 is high, 2 normal, 3 low", async () => {
    const { tasks } = await runText(`
name: priorities
max_parallel_tasks: 1
tasks:
  - { id: low, method: python/execute, priority: 3, params: { code: "result = 1" } }
  - { id: normal, method: python/execute, priority: 2, params: { code: "result = 2" } }
  - { id: unsaid, method: python/execute, params: { code: "result = 2" } }
  - { id: high, method: python/execute, priority: 1, params: { code: "result = 3" } }
  - { id: urgent, method: python/execute, priority: urgent, params: { code: "result = 4" } }
`);
    const byStart = [...tasks.values()].sort((a, b) => (a.startedAt ?? "").localeCompare(b.startedAt ?? ""));
    expect(byStart.map(({ id }) => id)).toEqual(["urgent", "high", "normal", "unsaid", "low"]);
    const ends = byStart.map(({ finishedAt = "" }) => finishedAt);
    expect(byStart.slice(1).every(({ startedAt = "" }, index) => startedAt >= (ends[index] ?? "x"))).toBe(
      true,
    );
  });

  it.each([
    ["retry_config", "{ max_attempts: 5, backoff_strategy: fixed, delay: 0, max_delay: 1, jitter: false }"],
    ["retry", "{ max_attempts: 5, base_delay: 0 }"],
    ["retry_config", "{ max_attempts: 5, initial_delay: 0 }"],
  ])("of retries may be %s: %s", async (key, value) => {
    refusals = 4;
    const { tasks, asked, warnings } = await runText(`
name: retries
tasks: [{ id: ask, method: llm/chat, ${key}: ${value}, params: { prompt: Try } }]
`);
    expect(tasks.get("ask")?.attempts.map(({ status }) => status)).toEqual([
      ...["failed", "failed", "failed", "failed"],
      "completed",
    ]);
    expect([asked.length, warnings]).toEqual([5, []]);
  });

  it("that mean nothing here are known or named, and the workflow runs", async () => {
    const { run, warnings } = await runText(`
name: settings
description: with all of them
version: 1.0
timeout: 60
wait_for_completion: true
providers: { pool: { type: ollama_pool, instances: [{ id: local, url: "http://localhost:11434" }] } }
metadata: { author: somebody, tags: [a, b] }
tasks:
  - id: ask
    method: llm/chat
    dependencies: []
    timeout: 30
    allow_failure: true
    params: { model: llama3.2, load_balancing_strategy: least_loaded, messages: [{ role: user, content: Hi }] }
`);
    expect(run.workflow).toEqual({ name: "settings", version: "1.0" });
    expect(run.metadata).toEqual({ author: "somebody", tags: ["a", "b"] });
    expect(warnings).toEqual([expect.stringContaining("load_balancing_strategy")]);
  });
});

describe("methods", () => {
  it("may be bare beside a protocol, with parameters", async () => {
    const { run, results, asked, warnings } = await runText(`
name: bare
tasks:
  - { id: script, protocol: python/v1, method: execute, parameters: { code: "result = args['a'] + context['b']", args: { a: 1 }, context: { b: 2 } } }
  - { id: chat, protocol: llm/v1, method: chat, parameters: { model: llama3.2, prompt: "What of \${script.result}?", system: Be brief } }
  - { id: text, protocol: llm/v1, method: generate, parameters: { prompt: "On from \${chat.response}", temperature: 0.8, max_tokens: 50 } }
  - { id: tool, protocol: mcp/v1, method: tool.multiply, parameters: { a: "\${script.result}", b: 7 } }
  - { id: echo, protocol: echo/v1, method: echo, parameters: { message: "\${tool.result}" } }
`);
    expect(run.tasks.map(({ method }) => method)).toEqual([
      ...["python/execute", "llm/chat", "llm/complete", "mcp/tool.multiply", "echo/echo"],
    ]);
    expect(results["echo"]?.["response"]).toBe(21);
    expect(asked[0]?.body["messages"]).toEqual([
      { role: "system", content: "Be brief" },
      { role: "user", content: "What of 3?" },
    ]);
    expect(asked[1]?.body).toMatchObject({
      prompt: "On from You said: What of 3?",
      options: { temperature: 0.8, num_predict: 50 },
    });
    expect(warnings).toEqual([]);
  });

  it("without a protocol and a slash are python's", async () => {
    const { results } = await runText(`
name: python
tasks: [{ id: script, method: execute, params: { code: "print('said'); result = [1]" } }]
`);
    expect(results["script"]).toMatchObject({ result: [1], output: "said\n", success: true });
  });

  it("of tools take arguments bare and under arguments", async () => {
    const { results } = await runText(`
name: tools
tasks:
  - { id: bare, method: mcp/tool.concat, params: { strings: [a, 1, "\${add.result}"], separator: "-" } }
  - { id: nested, method: mcp/tool.concat, params: { arguments: { strings: [a, b] } } }
  - { id: add, method: mcp/tool.add, params: { arguments: { a: 1.5, b: 2 } } }
  - { id: called, method: mcp/tools/call, params: { name: multiply, arguments: { a: 2, b: 3 } } }
  - { id: list, method: mcp/tools/list }
  - { id: ping, method: mcp/ping }
  - { id: info, method: mcp/server_info }
`);
    expect(results["bare"]).toMatchObject({ response: "a-1-3.5", joined: true, count: 3 });
    expect(results["nested"]).toMatchObject({ response: "a b", result: "a b" });
    expect(results["add"]).toMatchObject({ result: 3.5, calculation: "1.5 + 2 = 3.5" });
    expect(results["called"]).toMatchObject({ structuredContent: { result: 6 } });
    expect(results["list"]?.["tools"]).toHaveLength(4);
    expect([results["ping"], results["info"]?.["name"]]).toEqual([{}, "gleitzeit"]);
  });

  it("of models complete, embed and list", async () => {
    const { results, asked } = await runText(`
name: models
tasks:
  - { id: write, method: llm/complete, params: { model: "llama3.2:latest", prompt: Once } }
  - { id: embed, method: llm/embeddings, params: { model: llama3.2, text: "\${write.text}" } }
  - { id: list, method: llm/list_models }
  - { id: use, method: python/execute, params: { code: "result = len(context['vector'])", context: { vector: "\${embed.embedding}" } } }
`);
    expect(results["write"]).toMatchObject({ response: "You said: Once", text: "You said: Once" });
    expect(asked[1]).toMatchObject({ path: "/api/embed", body: { input: "You said: Once" } });
    expect(valueIn({ result: results["list"] ?? null }, "models")).toEqual([
      "llama3.2:latest",
      "llava:latest",
    ]);
    expect(results["use"]?.["result"]).toBe(8);
  });
});

it("JSON is as good as YAML", async () => {
  const tasks = [
    { name: "First", method: "mcp/tool.echo", parameters: { message: "hi" }, priority: "high" },
    {
      name: "Then",
      method: "mcp/tool.concat",
      depends_on: "First",
      parameters: { strings: ["${First.response}", "!"] },
    },
  ];
  const { results } = await runText(JSON.stringify({ name: "json", tasks }));
  expect(results["then"] ?? results["Then"]).toMatchObject({ response: "hi !" });
});
