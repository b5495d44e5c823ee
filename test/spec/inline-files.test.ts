/** How files beside the user get into a workflow before it is submitted. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references look like this.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Json, JsonObject } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { encodeBase64 } from "../../src/spec/base64.ts";
import { inlineFiles } from "../../src/spec/inline-files.ts";
import { resolveReferences } from "../../src/spec/reference.ts";
import { memoryFiles } from "./memory-files.ts";

const RUNS = { seed: 20_251, numRuns: 100 };
const PIXELS = new Uint8Array([137, 80, 78, 71, 255, 0]);
const FILES = memoryFiles({
  "scripts/sum.py": 'print(f"${x} {1}")\n',
  "docs/a.txt": "Alpha ${secret}",
  "docs/b.txt": "Beta",
  "img/one.png": PIXELS,
  "img/two.png": new Uint8Array([1]),
});

async function inlined(...tasks: Json[]): Promise<Json[]> {
  const { file, problems } = await inlineFiles({ name: "w", tasks }, FILES);
  expect(problems).toEqual([]);
  return Array.isArray(file["tasks"]) ? file["tasks"] : [];
}

const python = (params: JsonObject): JsonObject => ({ id: "p", method: "python/execute", params });
const chat = (params: JsonObject): JsonObject => ({ id: "c", method: "llm/chat", params });
const user = (content: string): JsonObject => ({ role: "user", content });

describe("python", () => {
  test("`file` becomes escaped `code`, its path the name", async () => {
    const [task] = await inlined(python({ file: "scripts/sum.py", timeout: 5 }));
    expect(task).toEqual(python({ name: "scripts/sum.py", timeout: 5, code: 'print(f"$${x} {1}")\n' }));
  });

  test("every spelling of the task is understood", async () => {
    const [byProtocol, bare] = await inlined(
      { name: "a", protocol: "python/v1", method: "execute", parameters: { file: "scripts/sum.py" } },
      { name: "b", method: "execute", params: { file: "scripts/sum.py" } },
    );
    expect(byProtocol).toMatchObject({ parameters: { name: "scripts/sum.py" } });
    expect(bare).toMatchObject({ params: { name: "scripts/sum.py" } });
  });

  test("a list of `files` becomes their contents, bytes as base64, inside the working folder", async () => {
    const files = memoryFiles({ "../up/a.txt": "A", "img/one.png": PIXELS });
    const { file } = await inlineFiles(
      { tasks: [python({ code: "", files: ["../up/a.txt", "img/one.png"] })] },
      files,
    );
    const contents = { "up/a.txt": "A", "img/one.png": { base64: encodeBase64(PIXELS) } };
    expect(file["tasks"]).toEqual([python({ code: "", files: contents })]);
  });

  test("`files` that are contents already are left alone", async () => {
    const task = python({ code: "", files: { "a.txt": "A" } });
    expect(await inlined(task)).toEqual([task]);
  });

  test("two files for one place, or code beside a file, are refused", async () => {
    const twice = python({ code: "", files: ["docs/a.txt", "/docs/a.txt"] });
    const both = python({ code: "", file: "scripts/sum.py" });
    const files = memoryFiles({ "docs/a.txt": "1", "/docs/a.txt": "2" });
    const { problems } = await inlineFiles({ tasks: [twice, both] }, files);
    expect(problems.map(({ code, path }) => [code, path])).toEqual([
      ["file_conflict", "tasks[0].params.files[1]"],
      ["file_conflict", "tasks[1].params.file"],
    ]);
  });
});

describe("llm", () => {
  test("the text of `file_path` is added to the last message of the user's, escaped", async () => {
    const messages = [user("one"), user("two"), { role: "assistant", content: "three" }];
    const [task] = await inlined(chat({ model: "m", file_path: "docs/a.txt", messages }));
    const changed = user("two\n\nFile content from docs/a.txt:\nAlpha $${secret}");
    expect(task).toEqual(chat({ model: "m", messages: [user("one"), changed, messages[2] ?? null] }));
  });

  test("or to the prompt, or is the prompt, or a message of its own", async () => {
    const added = "File content from docs/b.txt:\nBeta";
    const [prompt, nothing, system] = await inlined(
      chat({ prompt: "Sum up", file_path: "docs/b.txt" }),
      chat({ file_path: "docs/b.txt" }),
      chat({ messages: [{ role: "system", content: "s" }], file_path: "docs/b.txt" }),
    );
    expect(prompt).toEqual(chat({ prompt: `Sum up\n\n${added}` }));
    expect(nothing).toEqual(chat({ prompt: added }));
    expect(system).toEqual(chat({ messages: [{ role: "system", content: "s" }, user(added)] }));
  });

  test("a prompt that is no text goes along as JSON", async () => {
    const [task] = await inlined(chat({ prompt: { a: 1 }, file_path: "docs/b.txt" }));
    expect(task).toMatchObject({ params: { prompt: '{"a":1}\n\nFile content from docs/b.txt:\nBeta' } });
  });

  test("vectors are made of the text alone", async () => {
    const [task] = await inlined({ method: "llm/embed", params: { file_path: "docs/b.txt" } });
    expect(task).toMatchObject({ params: { input: "Beta" } });
  });

  test("images are added to `images`, for a chat to those of its message", async () => {
    const params = { images: ["AAAA"], image_path: "img/one.png", image_paths: ["img/two.png"] };
    const images = ["AAAA", encodeBase64(PIXELS), "AQ=="];
    const [vision, talk] = await inlined(
      { method: "llm/vision", params: { ...params, messages: [user("?")] } },
      chat({ image_path: "img/two.png", messages: [user("?")] }),
    );
    expect(vision).toEqual({ method: "llm/vision", params: { messages: [user("?")], images } });
    expect(talk).toEqual(chat({ messages: [{ ...user("?"), images: ["AQ=="] }] }));
  });

  test("a file that is no text is refused with the way to send an image", async () => {
    const { problems } = await inlineFiles({ tasks: [chat({ file_path: "img/one.png" })] }, FILES);
    expect(problems).toMatchObject([{ code: "file_not_text", path: "tasks[0].params.file_path" }]);
    expect(problems[0]?.message).toContain("llm/vision");
  });
});

describe("batch mode", () => {
  const batch = {
    name: "Sum up",
    method: "llm/chat",
    dependencies: ["before"],
    priority: "high",
    params: { files: ["docs/a.txt", "docs/b.txt"], batch_mode: true, messages: [user("Go")] },
  };

  test("makes one task per file after the others; the task itself collects their results", async () => {
    const [collector, next, first, second] = await inlined(batch, { id: "next", method: "echo/echo" });
    expect(collector).toEqual({
      name: "Sum up",
      dependencies: ["before"],
      priority: "high",
      protocol: "echo/v1",
      method: "echo/echo",
      params: {
        result: ["${Sum-up-1}", "${Sum-up-2}"],
        message: "${Sum-up-1.response}\n\n${Sum-up-2.response}",
      },
    });
    expect(next).toEqual({ id: "next", method: "echo/echo" });
    expect(first).toMatchObject({ id: "Sum-up-1", dependencies: ["before"], priority: "high" });
    expect(first).toMatchObject({
      params: { messages: [user("Go\n\nFile content from docs/a.txt:\nAlpha $${secret}")] },
    });
    expect(second).toEqual({
      id: "Sum-up-2",
      method: "llm/chat",
      dependencies: ["before"],
      priority: "high",
      params: { messages: [user("Go\n\nFile content from docs/b.txt:\nBeta")] },
    });
  });

  test("gives a script its file, and no texts to join", async () => {
    const params = { code: "", files: ["docs/b.txt"], batch_mode: true, context: { k: 1 } };
    const [collector, only] = await inlined(python(params));
    expect(collector).toMatchObject({ id: "p", params: { result: ["${p-1}"] } });
    const context = { k: 1, file_path: "docs/b.txt" };
    expect(only).toEqual({ ...python({ code: "", context, files: { "docs/b.txt": "Beta" } }), id: "p-1" });
  });

  test("shows each of several images in a call of its own", async () => {
    const params = {
      image_paths: ["img/one.png", "img/two.png", "img/no.png"],
      batch_mode: true,
      messages: [user("Look")],
    };
    const task = { id: "s", method: "llm/chat", params };
    const { file, problems } = await inlineFiles({ tasks: [task] }, FILES);
    expect(problems).toMatchObject([{ code: "file_not_found", path: "tasks[0].params.image_paths[2]" }]);
    const shown = (bytes: Uint8Array) => ({ messages: [{ ...user("Look"), images: [encodeBase64(bytes)] }] });
    expect(file["tasks"]).toMatchObject([
      { id: "s", method: "echo/echo" },
      { id: "s-1", method: "llm/chat", params: shown(PIXELS) },
      { id: "s-2", method: "llm/chat", params: shown(Uint8Array.of(1)) },
      { id: "s-3" },
    ]);
  });

  test("an id that is taken is not given twice", async () => {
    const tasks = await inlined({ ...batch, id: "s" }, { id: "s-1", method: "echo/echo" });
    expect(tasks[0]).toMatchObject({ params: { result: ["${s-1-2}", "${s-2}"] } });
  });

  test("a missing file is told at its place in the list", async () => {
    const task = { ...batch, params: { ...batch.params, files: ["docs/a.txt", "docs/z.txt"] } };
    const { problems } = await inlineFiles({ tasks: [task] }, FILES);
    expect(problems).toMatchObject([{ code: "file_not_found", path: "tasks[0].params.files[1]" }]);
  });
});

describe("problems", () => {
  test("all missing files are told at once, with the task and the place", async () => {
    const tasks = [
      { name: "Add up", method: "python/execute", parameters: { file: "no.py" } },
      { method: "llm/vision", params: { image_paths: ["img/one.png", "no.png"], file_path: "no.txt" } },
    ];
    const { problems } = await inlineFiles({ tasks }, FILES);
    const error = { severity: "error", code: "file_not_found" };
    expect(problems).toEqual([
      { ...error, path: "tasks[0].parameters.file", message: 'task "Add up": file "no.py" does not exist' },
      {
        ...error,
        path: "tasks[1].params.image_paths[1]",
        message: 'task "task-2": file "no.png" does not exist',
      },
      { ...error, path: "tasks[1].params.file_path", message: 'task "task-2": file "no.txt" does not exist' },
    ]);
  });

  test("a path that holds a reference is refused and never looked up", async () => {
    const files = memoryFiles({});
    const { problems } = await inlineFiles({ tasks: [chat({ file_path: "${inputs.path}" })] }, files);
    expect(problems).toMatchObject([{ code: "file_path_reference" }]);
    expect(files.asked).toEqual([]);
  });

  test("files larger than a request are refused once, and reading ends", async () => {
    const files = memoryFiles({ big: new Uint8Array(LIMITS.bodyBytes + 1) });
    const tasks = [1, 2, 3].map(() => ({ method: "llm/vision", params: { image_path: "big" } }));
    const { problems } = await inlineFiles({ tasks }, files);
    expect(problems).toMatchObject([{ code: "files_too_large", path: "tasks[0].params.image_path" }]);
    expect(files.asked).toEqual(["big"]);
  });

  test("more tasks than a workflow may have are refused before a file is read", async () => {
    const files = memoryFiles({});
    const paths = Array.from({ length: LIMITS.tasks + 1 }, (_, index) => `f${index}`);
    const { problems } = await inlineFiles({ tasks: [chat({ files: paths, batch_mode: true })] }, files);
    expect(problems).toMatchObject([{ code: "too_many_tasks", path: "tasks[0].params.files" }]);
    expect(files.asked).toEqual([]);
  });
});

describe("what is left alone", () => {
  test("paths in the arguments of tools, and whatever is no task", async () => {
    const tool = {
      method: "mcp/tool.read_file",
      params: { file_path: "docs/a.txt", files: ["x"], batch_mode: true },
    };
    expect(await inlined(tool, null, "text", [1])).toEqual([tool, null, "text", [1]]);
    expect((await inlineFiles({ tasks: "none" }, FILES)).file).toEqual({ tasks: "none" });
  });

  test("the file that was given, which stays as it was", async () => {
    const task = Object.freeze(
      chat(Object.freeze({ file_path: "docs/a.txt", messages: Object.freeze([user("x")]) as Json })),
    );
    await inlined(task);
    expect(task).toEqual(chat({ file_path: "docs/a.txt", messages: [user("x")] }));
  });
});

test("any text comes out of a run as it is in the file", async () => {
  const texts = fc
    .array(fc.constantFrom("$", "{", "${", "}", "a", "\n", "é", "$${", "😀"))
    .map((parts) => parts.join(""));
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      const { file } = await inlineFiles(
        { tasks: [python({ file: "s.py" })] },
        memoryFiles({ "s.py": text }),
      );
      const resolved = resolveReferences(file, () => undefined);
      expect(resolved).toMatchObject({ ok: true, value: { tasks: [{ params: { code: text } }] } });
    }),
    RUNS,
  );
});

test("base64 is the same as anybody else's, for any bytes", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    fc.uint8Array({ minLength: 24_570, maxLength: 24_580 }),
  );
  fc.assert(
    fc.property(bytes, (value) => {
      expect(encodeBase64(value)).toBe(Buffer.from(value).toString("base64"));
    }),
    RUNS,
  );
});
