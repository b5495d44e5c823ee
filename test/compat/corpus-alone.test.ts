/** Workflow files of the original that stand alone: unmodified, through the command line and as they are over HTTP. */
import { describe, expect, it } from "vitest";
import { CORPUS, MODEL, promptsOf, textOf, workflowNames } from "./corpus.ts";
import { type Ran, stageForFile } from "./stage.ts";

const stage = await stageForFile(MODEL);

const run = (name: string): Promise<Ran> => stage.run(`examples/${name}.yaml`, CORPUS);

describe("without a provider", () => {
  it("simple_mcp_workflow adds, multiplies and puts all into one text", async () => {
    const { results } = await run("simple_mcp_workflow");
    const text = "Hello from Simple MCP! | Sum was 100 | Product is 200";
    expect(results["combine_results"]?.["response"]).toBe(text);
  });

  it("mcp_workflow multiplies the sum", async () => {
    const { results } = await run("mcp_workflow");
    expect(results["final_concat"]?.["response"]).toMatch(/Final multiplication: 1230$/);
  });

  it("workflows/simple_echo_v4 hands messages on", async () => {
    const { results } = await run("workflows/simple_echo_v4");
    const first = "Hello from the first task!";
    expect(results["final-echo"]?.["response"]).toBe(
      `Workflow complete! First: ${first}, Second: Previous task said: ${first}`,
    );
  });
});

describe("with a model", () => {
  it("dependent_workflow hands each answer on to the next task", async () => {
    expect(promptsOf((await run("dependent_workflow")).asked)).toEqual([
      expect.stringContaining("random interesting topic"),
      "Create a 3-point outline for an essay about: The long way of tea",
      "Write a short essay (2-3 paragraphs) based on this outline: 1. Leaves 2. Ships 3. Cups",
    ]);
  });

  it.each([
    ["llm_workflow", ["llama3.2:latest"]],
    ["simple_llm_workflow", ["llama3.2", "llama3.2"]],
    ["simple_llm_workflow_fixed", ["llama3.2:latest", "llama3.2:latest"]],
  ])("%s is answered by the one model that llama3.2 and llama3.2:latest are", async (name, models) => {
    const { asked, tasks } = await run(name);
    expect(asked.map(({ body }) => body["model"])).toEqual(models);
    expect([...tasks.values()].map(({ instance }) => instance)).toEqual(models.map(() => "ollama-1"));
  });

  it("llm_test asks with its temperature", async () => {
    const [request] = (await run("llm_test")).asked;
    expect(request?.body).toMatchObject({ model: "llama3.2:latest", options: { temperature: 0.7 } });
  });

  it("vision_workflow sends its image as base64 and goes on with what is said of it", async () => {
    const { asked } = await run("vision_workflow");
    const [image] = /iVBOR[\w+/=]+/.exec(textOf("vision_workflow.yaml")) ?? [];
    const content = expect.stringMatching(/^Analyze this image/);
    expect(asked[0]?.body["messages"]).toEqual([{ role: "user", content, images: [image] }]);
    const [, extract, summary] = promptsOf(asked);
    expect(extract).toContain("image analysis: 'Four squares: red, green, blue, yellow', extract");
    expect(summary).toContain("The analysis was: 'Four squares: red, green, blue, yellow' and");
    expect(summary).toContain("the main colors are: 'red, green, blue, yellow'.");
  });
});

describe("over HTTP", () => {
  const names = workflowNames().filter(
    (name) => !/\b(?:file|file_path|image_path|files|directory):/.test(textOf(`${name}.yaml`)),
  );

  it("nine files name no others", () => expect(names).toHaveLength(9));

  it.each(names)("%s runs as it is, with no client in between that rewrites it", async (name) => {
    const workflow = textOf(`${name}.yaml`);
    const ended = await stage.client.submit({ workflow }, { waitSeconds: 30 });
    expect(ended).toMatchObject({
      status: "completed",
      tasks: ended.tasks.map(() => ({ status: "completed" })),
    });
  });
});
