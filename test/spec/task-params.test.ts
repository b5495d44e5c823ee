// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references look like this.
import { describe, expect, it } from "vitest";
import { check, echo, file, problemOf, problemsOf, tasksOf } from "./checking.ts";

const task = (method: string, params = "{}", rest = ""): string =>
  file(`${echo("a")}  - { id: b, method: ${method}${rest}, params: ${params} }\n`);
const prompt = '{ prompt: "hi" }';

describe("a task's method", () => {
  it.each([
    ["method: llm/chat", "llm/chat", "llm/v1"],
    ["method: chat, protocol: llm/v1", "llm/chat", "llm/v1"],
    ["method: llm/generate", "llm/complete", "llm/v1"],
    ["method: generate, protocol: llm/v1", "llm/complete", "llm/v1"],
    ["method: echo, protocol: echo/v1", "echo/echo", "echo/v1"],
    ["method: tools/list, protocol: mcp/v1", "mcp/tools/list", "mcp/v1"],
    ["method: tool.echo, protocol: mcp/v1", "mcp/tool.echo", "mcp/v1"],
  ])("%s means %s", (spelling, method, protocol) => {
    const params = "params: { prompt: hi, message: hi }";
    expect(tasksOf(`  - { ${spelling}, ${params} }`)[0]).toMatchObject({ method, protocol });
  });

  it("is python's when it stands bare and without a protocol", () => {
    expect(tasksOf("  - { method: execute, params: { code: x } }")[0]).toMatchObject({
      method: "python/execute",
      protocol: "python/v1",
    });
  });

  it("llm/embeddings means llm/embed", () => {
    expect(tasksOf("  - { method: llm/embeddings, params: { text: x } }")[0]?.method).toBe("llm/embed");
  });

  it("must be one of its protocol", () => {
    expect(problemOf(task("llm/chta", prompt))).toEqual({
      severity: "error",
      code: "unknown_method",
      path: "tasks[1].method",
      line: 4,
      column: 22,
      message: 'task "b": unknown method "llm/chta"',
      suggestion: 'did you mean "llm/chat"?',
    });
  });

  it("that belongs to another protocol is told by its full name", () => {
    expect(problemOf(task("chat", prompt))).toMatchObject({
      message: 'task "b": unknown method "python/chat" (written "chat")',
      suggestion: 'did you mean "llm/chat"?',
    });
  });

  it("must be of a protocol that is there", () => {
    expect(problemOf(task("echo", "{}", ", protocol: ecko/v1"))).toMatchObject({
      code: "unknown_protocol",
      path: "tasks[1].protocol",
      message: 'task "b": unknown protocol "ecko/v1"; there are llm/v1, python/v1, mcp/v1, echo/v1',
      suggestion: 'did you mean "echo/v1"?',
    });
    expect(problemOf(task("lmm/chat"))).toMatchObject({ code: "unknown_protocol", path: "tasks[1].method" });
  });

  it("may not be the generic entry for tools itself", () => {
    expect(problemOf(task("mcp/tool."))).toMatchObject({ code: "unknown_method" });
  });
});

describe("a tool", () => {
  it("that nobody knows is a warning", () => {
    expect(problemOf(task("mcp/tool.ehco", "{ message: hi }"))).toMatchObject({
      severity: "warning",
      code: "unknown_tool",
      suggestion: 'did you mean "echo"?',
    });
  });

  it("that a server is known to have is none", () => {
    expect(check(task("mcp/tool.fetch"), ["fetch"]).problems).toEqual([]);
  });

  it("that is built in has its arguments checked, bare or under arguments", () => {
    expect(problemsOf(task("mcp/tool.add", "{ a: 1, b: 2 }"))).toEqual([]);
    expect(problemsOf(task("mcp/tool.add", "{ arguments: { a: 1, b: 2 } }"))).toEqual([]);
    expect(problemOf(task("mcp/tool.add", "{ a: 1, b: two }"))).toMatchObject({
      code: "invalid_params",
      path: "tasks[1].params.b",
      message: 'task "b": params.b must be a number, not the string "two"',
    });
    expect(problemOf(task("mcp/tool.add", "{ arguments: { a: 1 } }")).message).toBe(
      'task "b": params.arguments needs "b"',
    );
  });

  it("of a named server is that server's, whatever it is called", () => {
    expect(problemsOf(task("mcp/tool.add", "{ server: calc, x: 1 }"))).toEqual([]);
  });
});

describe("params", () => {
  it.each([
    ["llm/chat", "{}", "params", 'params needs "messages" or "prompt"'],
    [
      "llm/chat",
      "{ prompt: hi, temperature: 3 }",
      "params.temperature",
      "params.temperature must be at most 2, not 3",
    ],
    [
      "llm/chat",
      "{ prompt: hi, temperature: hot }",
      "params.temperature",
      'params.temperature must be a number, not the string "hot"',
    ],
    ["llm/chat", "{ messages: [] }", "params.messages", "params.messages must have at least 1 item"],
    ["llm/chat", "{ messages: [{ content: hi }] }", "params.messages[0]", 'params.messages[0] needs "role"'],
    ["llm/chat", "{ prompt: hi, stop: 7 }", "params.stop", "params.stop must be a string or a list, not 7"],
    ["llm/embed", "{}", "params", 'params needs "input" or "text"'],
    ["python/execute", "{}", "params", 'params needs "code"'],
    [
      "python/execute",
      "{ code: x, timeout: 301 }",
      "params.timeout",
      "params.timeout must be at most 300, not 301",
    ],
    [
      "python/execute",
      "{ code: x, context: 1 }",
      "params.context",
      "params.context must be an object, not 1",
    ],
    ["mcp/tools/call", "{ arguments: {} }", "params", 'params needs "name"'],
  ])("of %s must fit: %s", (method, params, path, message) => {
    expect(problemOf(task(method, params))).toMatchObject({
      severity: "error",
      code: "invalid_params",
      path: `tasks[1].${path}`,
      line: 4,
      message: `task "b": ${message}`,
    });
  });

  it("are not judged where a reference stands for something else", () => {
    expect(
      problemsOf(task("llm/chat", '{ messages: "${a.messages}", temperature: "${a.t}", stop: ["${a.s}"] }')),
    ).toEqual([]);
    expect(problemsOf(task("mcp/tool.add", '{ a: "${a.x}", b: 1 }'))).toEqual([]);
  });

  it("are judged beside a reference", () => {
    expect(problemOf(task("mcp/tool.add", '{ a: "${a.x}", b: no }')).path).toBe("tasks[1].params.b");
    expect(problemOf(task("python/execute", '{ context: { x: "${a.x}" } }')).message).toBe(
      'task "b": params needs "code"',
    );
  });

  it.each([
    [
      "llm/chat",
      "{ prompt: hi, temprature: 1 }",
      'llm/chat has no param "temprature"',
      'did you mean "temperature"?',
    ],
    [
      "python/execute",
      "{ code: x, contxt: {} }",
      'python/execute has no param "contxt"',
      'did you mean "context"?',
    ],
  ])("of %s that it does not know are a warning: %s", (method, params, message, suggestion) => {
    expect(problemOf(task(method, params))).toMatchObject({
      severity: "warning",
      code: "unknown_param",
      message: `task "b": ${message}`,
      suggestion,
    });
  });

  it("of other protocols may be any", () => {
    expect(problemsOf(task("echo/echo", "{ anything: 1, file: x }"))).toEqual([]);
  });
});

describe("files that the client did not put in", () => {
  it.each([
    ["llm/chat", "{ prompt: hi, file_path: a.txt }", "file_path"],
    ["llm/vision", "{ prompt: hi, image_path: a.png }", "image_path"],
    ["llm/vision", "{ prompt: hi, image_paths: [a.png] }", "image_paths"],
    ["llm/chat", "{ prompt: hi, files: [a.txt], batch_mode: true }", "files"],
    ["python/execute", "{ file: a.py }", "file"],
    ["python/execute", "{ code: x, files: [a.csv] }", "files"],
  ])("are refused with the way to submit them: %s %s", (method, params, key) => {
    expect(problemOf(task(method, params))).toMatchObject({
      severity: "error",
      code: "file_not_inlined",
      path: `tasks[1].params.${key}`,
      message: expect.stringContaining("gleitzeit run"),
    });
  });

  it("are none where python's files have their contents", () => {
    expect(
      problemsOf(task("python/execute", '{ code: x, files: { "a.txt": hi, "b.bin": { base64: "" } } }')),
    ).toEqual([]);
  });
});
