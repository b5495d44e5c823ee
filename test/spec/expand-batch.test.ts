/** How a batch file becomes one task per file, and which files a pattern means. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references look like this.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isJsonObject, type Json, type JsonObject } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { taskId } from "../../src/contract/workflow.ts";
import { expandBatch } from "../../src/spec/expand-batch.ts";
import { matchesGlob } from "../../src/spec/glob.ts";
import { inlineFiles } from "../../src/spec/inline-files.ts";
import { memoryFiles } from "./memory-files.ts";

const RUNS = { seed: 20_252, numRuns: 500 };
const FILES = memoryFiles({
  "docs/b.txt": "Beta",
  "docs/a.txt": "Alpha",
  "docs/sub/c.txt": "Gamma",
  "docs/x.md": "",
});

async function expanded(template: JsonObject, pattern = "*.txt", files = FILES): Promise<JsonObject[]> {
  const batch = { directory: "docs", pattern };
  const { file, problems } = await expandBatch({ name: "B", type: "batch", batch, template }, files);
  expect(problems).toEqual([]);
  expect(Object.keys(file)).toEqual(["name", "tasks"]);
  const tasks: Json = file["tasks"] ?? [];
  return Array.isArray(tasks) ? tasks.filter(isJsonObject) : [];
}

async function problemsOf(file: JsonObject, files = FILES) {
  const { problems } = await expandBatch(file, files);
  return problems.map(({ code, path, message }) => ({ code, path, message }));
}

describe("the tasks", () => {
  test("are one per file, sorted by path, numbered from 0", async () => {
    const tasks = await expanded({ method: "llm/chat", model: "m" }, "**/*.txt");
    expect(tasks).toEqual([
      {
        id: "process-a-txt-0",
        name: "Process a.txt",
        method: "llm/chat",
        params: { model: "m", file_path: "docs/a.txt" },
      },
      {
        id: "process-b-txt-1",
        name: "Process b.txt",
        method: "llm/chat",
        params: { model: "m", file_path: "docs/b.txt" },
      },
      {
        id: "process-c-txt-2",
        name: "Process c.txt",
        method: "llm/chat",
        params: { model: "m", file_path: "docs/sub/c.txt" },
      },
    ]);
  });

  test("have the template's own keys beside its params", async () => {
    const template = {
      method: "chat",
      protocol: "llm/v1",
      retry: { maxAttempts: 2 },
      prompt: "p",
      params: { seed: 1 },
    };
    const [task] = await expanded(template);
    expect(task).toMatchObject({ protocol: "llm/v1", retry: { maxAttempts: 2 } });
    expect(task?.["params"]).toEqual({ prompt: "p", seed: 1, file_path: "docs/a.txt" });
  });

  test("get the path for `${file_path}`, in strings only and not where it is escaped", async () => {
    const template = {
      method: "mcp/tool.echo",
      message: ["${file_path}", "of ${ file_path } $${file_path} ${a.b}"],
    };
    const [task] = await expanded(template);
    expect(task?.["params"]).toEqual({ message: ["docs/a.txt", "of docs/a.txt $${file_path} ${a.b}"] });
  });

  test("never take a file's name for a template", async () => {
    const files = memoryFiles({ "docs/${inputs.key}.txt": "" });
    const [task] = await expanded({ method: "mcp/tool.echo", message: "${file_path}" }, "*", files);
    expect(task).toMatchObject({
      id: "process---inputs-key--txt-0",
      params: { message: "docs/$${inputs.key}.txt" },
    });
  });

  test("name an image for llm/vision, unless the template says where the file goes", async () => {
    const [vision] = await expanded({ method: "llm/vision" });
    const [chat] = await expanded({ method: "llm/chat", image_path: "${file_path}" });
    expect(vision?.["params"]).toEqual({ image_path: "docs/a.txt" });
    expect(chat?.["params"]).toEqual({ image_path: "docs/a.txt" });
  });

  test("give a script the path in its context and the contents in its folder", async () => {
    const [task] = await expanded({ method: "python/execute", code: "", context: { k: "${file_path}" } });
    const { file } = await inlineFiles({ tasks: [task ?? null] }, FILES);
    const params = {
      code: "",
      context: { k: "docs/a.txt", file_path: "docs/a.txt" },
      files: { "docs/a.txt": "Alpha" },
    };
    expect(file["tasks"]).toMatchObject([{ params }]);
  });

  test("come after those the file has already", async () => {
    const own = { id: "own", method: "echo/echo" };
    const batch = { directory: "docs/", pattern: "x.*" };
    const files = { ...FILES, list: async () => ["x.md"] };
    const { file } = await expandBatch({ batch, template: { method: "llm/chat" }, tasks: [own] }, files);
    expect(file["tasks"]).toMatchObject([own, { params: { file_path: "docs/x.md" } }]);
  });

  test("have ids as the contract wants them, whatever the file is called", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1, maxLength: 150, unit: "binary" }), async (name) => {
        const files = { ...FILES, list: async () => [`f${name.replaceAll("/", "")}`] };
        const [task] = await expanded({ method: "llm/chat" }, "**", files);
        expect(taskId.safeParse(task?.["id"]).success).toBe(true);
      }),
      { ...RUNS, numRuns: 100 },
    );
  });
});

describe("what cannot be expanded", () => {
  const template = { method: "llm/chat" };

  test("no file that matches is told with directory and pattern", async () => {
    const message = 'no file in directory "docs" matches "*.pdf"';
    expect(await problemsOf({ batch: { directory: "docs", pattern: "*.pdf" }, template })).toEqual([
      { code: "no_files", path: "batch", message },
    ]);
  });

  test("a directory that does not exist is told", async () => {
    const message = 'directory "dcos" does not exist';
    expect(await problemsOf({ batch: { directory: "dcos" }, template })).toEqual([
      { code: "directory_not_found", path: "batch.directory", message },
    ]);
  });

  test("everything that is missing is told at once", async () => {
    expect(await problemsOf({ type: "batch" })).toMatchObject([
      { code: "batch_template" },
      { code: "batch_directory" },
    ]);
    expect(await problemsOf({ batch: { directory: "docs", pattern: 7 }, template })).toMatchObject([
      { code: "batch_pattern", path: "batch.pattern" },
    ]);
  });

  test("more files than a workflow may have tasks are refused", async () => {
    const files = {
      ...FILES,
      list: async () => Array.from({ length: LIMITS.tasks + 1 }, (_, index) => `${index}`),
    };
    expect(await problemsOf({ batch: { directory: "docs" }, template }, files)).toMatchObject([
      { code: "too_many_tasks", path: "batch.pattern" },
    ]);
  });

  test("a file that is no batch comes back as it is", async () => {
    const file = { type: "workflow", tasks: [] };
    expect((await expandBatch(file, FILES)).file).toBe(file);
  });
});

describe("a pattern", () => {
  test.each<[string, string, boolean]>([
    ["*.txt", "a.txt", true],
    ["*.txt", "sub/a.txt", false],
    ["*.txt", "a.txt.bak", false],
    ["**/*.txt", "a.txt", true],
    ["**/*.txt", "x/y/a.txt", true],
    ["x/**/z/*", "x/z/a", true],
    ["x/**/z/*", "x/1/z/2/z/a", true],
    ["x/**/z/*", "x/1/a", false],
    ["**", "any/file", true],
    ["a?c", "abc", true],
    ["a?c", "a/c", false],
    ["a?c", "ac", false],
    ["a*b*c", "aXbYbZc", true],
    ["a.c", "abc", false],
    ["[ab].txt", "a.txt", false],
    ["*", ".hidden", false],
    ["**/*", ".git/config", false],
    [".*", ".hidden", true],
  ])("%s, file %s: %s", (pattern, path, expected) => {
    expect(matchesGlob(path, pattern)).toBe(expected);
  });

  test("means what the regular expression for it means", () => {
    const patterns = fc
      .array(fc.constantFrom("a", "b", "*", "?"), { maxLength: 8 })
      .map((parts) => parts.join(""));
    const names = fc.array(fc.constantFrom("a", "b"), { maxLength: 10 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(patterns, names, (pattern, name) => {
        // Two stars alone are the directory wildcard, which in one segment means the same.
        const expression = pattern.replaceAll("?", "[^/]").replaceAll(/\*+/g, "[^/]*");
        expect(matchesGlob(name, pattern)).toBe(new RegExp(`^${expression}$`).test(name));
      }),
      RUNS,
    );
  });

  test("with many stars takes no longer than both lengths together", () => {
    const startedAt = performance.now();
    expect(matchesGlob("a".repeat(4000), `${"*a".repeat(400)}*b`)).toBe(false);
    expect(matchesGlob("a/".repeat(2000), `${"**/a/".repeat(200)}**/b`)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  test("is compared with so many files as its stars allow, and then refused", async () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `${"a".repeat(240)}${index}`);
    const files = { read: async () => undefined, list: async () => names };
    const batch = (pattern: string) =>
      expandBatch({ batch: { directory: "d", pattern }, template: { method: "echo/echo" } }, files);
    expect((await batch("*9999")).problems).toEqual([]);
    const { problems } = await batch(`*${"a".repeat(200)}b*${"a".repeat(200)}b`);
    expect(problems).toMatchObject([
      { code: "batch_pattern", path: "batch.pattern", message: expect.stringContaining("use fewer stars") },
    ]);
  });

  test("is not what makes a template too large: copies of it are", async () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `f${index}`);
    const files = { read: async () => undefined, list: async () => names };
    const file = { batch: { directory: "d" }, template: { method: "echo/echo", text: "x".repeat(10_000) } };
    const { problems } = await expandBatch(file, files);
    expect(problems).toMatchObject([
      { code: "batch_template", message: expect.stringContaining("10000 files") },
    ]);
  });
});

test("a template's flow control stays on its tasks, where the checker refuses it", async () => {
  const files = { read: async () => undefined, list: async () => ["a.txt"] };
  const template = { method: "echo/echo", message: "hi", when: "false", retryConfig: { max_attempts: 1 } };
  const { file } = await expandBatch({ batch: { directory: "d" }, template }, files);
  expect(file["tasks"]).toMatchObject([
    { when: "false", retryConfig: { max_attempts: 1 }, params: { message: "hi" } },
  ]);
});
