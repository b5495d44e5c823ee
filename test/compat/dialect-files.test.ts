/** What workflow files of the original may say beside those of the corpus: files, and batches of them. */
import { describe, expect, it } from "vitest";
import { promptIn, promptsOf } from "./corpus.ts";
import { folderWith, stageForFile } from "./stage.ts";

const { asked, cli, runText } = await stageForFile();

const IMAGES = { "images/a.png": Uint8Array.of(1, 2, 3), "images/b.png": Uint8Array.of(250, 251) };
const [A, B] = ["AQID", "+vs="];

describe("images", () => {
  it("named by image_paths stand in the user's message, in order", async () => {
    const { asked, warnings } = await runText(
      `
name: two images
tasks:
  - id: look
    method: llm/vision
    params:
      model: llava
      image_paths: [images/b.png, images/a.png]
      messages: [{ role: system, content: Be brief }, { role: user, content: Compare }]
`,
      IMAGES,
    );
    expect(asked[0]?.body["messages"]).toEqual([
      { role: "system", content: "Be brief" },
      { role: "user", content: "Compare", images: [B, A] },
    ]);
    expect(warnings).toEqual([]);
  });

  it("go to a bare vision method with a prompt, and to a chat", async () => {
    const { asked } = await runText(
      `
name: one image each
tasks:
  - { id: look, protocol: llm/v1, method: vision, parameters: { model: llava, image_path: images/a.png, prompt: Describe } }
  - { id: ask, method: llm/chat, depends_on: look, params: { model: llava, image_path: images/b.png, messages: [{ role: user, content: "\${look.response}" }] } }
`,
      IMAGES,
    );
    expect(asked.map(({ body }) => body["messages"])).toEqual([
      [{ role: "user", content: "Describe", images: [A] }],
      [{ role: "user", content: "You said: Describe", images: [B] }],
    ]);
  });
});

describe("texts", () => {
  it("of a file are never templates, whatever they say", async () => {
    const text = "It costs ${price}; ${ask.response} and $${this} stay.";
    const flow = `
name: literal
tasks:
  - { id: ask, method: llm/chat, params: { file_path: notes.txt, prompt: Read } }
  - { id: script, method: python/execute, params: { file: scripts/s.py } }
`;
    const files = { "flow.yaml": flow, "notes.txt": text, "scripts/s.py": `result = "\${ask.response}"\n` };
    const { stdout } = await cli(["run", "flow.yaml", "--json"], { cwd: folderWith(files) });
    const result = "${ask.response}";
    expect(JSON.parse(stdout)).toMatchObject({ status: "completed", results: { script: { result } } });
    expect(promptsOf(asked)).toEqual([`Read\n\nFile content from notes.txt:\n${text}`]);
  });

  it("go to the end of the last user message, of a prompt, and of what is embedded", async () => {
    const { asked } = await runText(
      `
name: texts
tasks:
  - id: chat
    method: llm/chat
    params:
      file_path: notes.txt
      messages: [{ role: user, content: One }, { role: assistant, content: Two }, { role: user, content: Three }]
  - { id: complete, method: llm/generate, depends_on: chat, params: { file_path: notes.txt, prompt: Sum up } }
  - { id: embed, method: llm/embed, depends_on: complete, params: { model: llama3.2, file_path: notes.txt } }
`,
      { "notes.txt": "Grüße\n" },
    );
    const addition = "File content from notes.txt:\nGrüße\n";
    expect(promptsOf(asked.slice(0, 2))).toEqual([`Three\n\n${addition}`, `Sum up\n\n${addition}`]);
    expect(asked[2]?.body["input"]).toBe("Grüße\n");
  });
});

describe("files with batch_mode", () => {
  it("are asked about one by one, and the task's result is the list", async () => {
    const { run, results, asked } = await runText(
      `
name: batch mode
tasks:
  - name: Summaries
    method: llm/chat
    params: { files: [b.txt, a.txt], batch_mode: true, messages: [{ role: user, content: Topics? }] }
  - { id: count, method: python/execute, depends_on: Summaries, params: { code: "result = [one['response'] for one in context['all']]", context: { all: "\${Summaries.result}" } } }
  - { id: text, method: mcp/tool.echo, parameters: { message: "\${Summaries.response}" } }
`,
      { "a.txt": "alpha", "b.txt": "beta" },
    );
    const answers = ["b.txt:\nbeta", "a.txt:\nalpha"].map(
      (end) => `You said: Topics?\n\nFile content from ${end}`,
    );
    expect(results["count"]?.["result"]).toEqual(answers);
    expect(results["text"]?.["response"]).toBe(answers.join("\n\n"));
    expect([run.tasks.length, asked.length]).toEqual([5, 2]);
  });
});

it("image_paths with batch_mode are shown one by one too", async () => {
  const { results, asked } = await runText(
    `
name: image batch mode
tasks:
  - name: describe_images
    method: llm/vision
    params:
      model: llava
      image_paths: [images/a.png, images/b.png]
      batch_mode: true
      messages: [{ role: user, content: Describe }]
`,
    IMAGES,
  );
  const shown = asked.map(({ body }) => JSON.stringify(body["messages"])).sort();
  const messages = [B, A].map((image) => [{ role: "user", content: "Describe", images: [image] }]);
  expect(shown).toEqual(messages.map((one) => JSON.stringify(one)));
  expect(results["describe_images"]?.["result"]).toHaveLength(2);
});

describe("a batch", () => {
  it("of scripts gives each its file", async () => {
    const { results, warnings } = await runText(
      `
name: python batch
type: batch
batch: { directory: data, pattern: "*.csv" }
template:
  method: python/execute
  file: scripts/count.py
  timeout: 10
`,
      {
        "data/b.csv": "1\n2\n",
        "data/a.csv": "1\n",
        "data/skip.txt": "",
        "scripts/count.py": "result = {context['file_path']: len(open(context['file_path']).readlines())}\n",
      },
    );
    expect(Object.entries(results).map(([id, { result }]) => [id, result ?? null])).toEqual([
      ["process-a-csv-0", { "data/a.csv": 1 }],
      ["process-b-csv-1", { "data/b.csv": 2 }],
    ]);
    expect(warnings).toEqual([]);
  });

  it("of images shows each to the model", async () => {
    const { tasks, asked } = await runText(
      `
name: vision batch
batch: { directory: images, pattern: "*.png" }
template:
  protocol: llm/v1
  method: llm/vision
  model: "llava:latest"
  messages: [{ role: user, content: Describe this image. }]
`,
      IMAGES,
    );
    expect([...tasks.keys()]).toEqual(["process-a-png-0", "process-b-png-1"]);
    const shown = asked.map(({ body }) => JSON.stringify(body["messages"])).sort();
    expect(shown).toEqual(
      [B, A].map((image) =>
        JSON.stringify([{ role: "user", content: "Describe this image.", images: [image] }]),
      ),
    );
  });

  it("takes params nested in its template, and what is said of all its tasks", async () => {
    const { run, tasks } = await runText(
      `
name: nested
batch: { directory: texts, pattern: "**/*" }
template:
  name: Sum up
  method: llm/chat
  priority: high
  retry_config: { max_attempts: 1 }
  params: { model: llama3.2, messages: [{ role: user, content: "About \${file_path}:" }] }
`,
      { "texts/a.txt": "alpha", "texts/deep/b.md": "beta" },
    );
    expect([...tasks.values()].map(promptIn)).toEqual([
      "About texts/a.txt:\n\nFile content from texts/a.txt:\nalpha",
      "About texts/deep/b.md:\n\nFile content from texts/deep/b.md:\nbeta",
    ]);
    expect(run.tasks.map(({ name }) => name)).toEqual(["Sum up", "Sum up"]);
  });
});
