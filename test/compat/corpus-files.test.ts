/** Workflow files of the original that name scripts, texts and images beside them: unmodified, through the command line. */
import { describe, expect, it } from "vitest";
import { runList } from "../../src/contract/api.ts";
import { base64Of, CORPUS, MODEL, overlap, promptIn, promptsOf, textOf, valueIn } from "./corpus.ts";
import { type Ran, stageForFile } from "./stage.ts";

const stage = await stageForFile(MODEL);

const run = (name: string): Promise<Ran> => stage.run(`examples/${name}.yaml`, CORPUS);

// The first test of the file: nothing has run before it.
describe("batch_mixed_workflow names a script that is not there", () => {
  const path = "examples/batch_mixed_workflow.yaml";

  it("so it is refused with the task and the file, and nothing of it runs or is stored", async () => {
    const list = async () => runList.parse(await (await fetch(`${stage.client.url}/v1/runs`)).json()).items;
    const askedBefore = stage.asked.length;
    const startedAt = new Date().toISOString();
    const { code, stdout, stderr } = await stage.cli(["run", path], { cwd: CORPUS });
    expect(stderr).toContain(`${path}:23:13 error task "analyze_summaries": file "analyze_batch_results.py"`);
    expect(stderr).toContain("does not exist");
    expect([code, stdout]).toEqual([2, ""]);
    const workflow = textOf("batch_mixed_workflow.yaml");
    await expect(stage.client.submit({ workflow })).rejects.toMatchObject({ code: "invalid_workflow" });
    expect(stage.asked).toHaveLength(askedBefore);
    // Lists may lag: when this one shows a later run, it would show an earlier one too.
    const later = await run("test_context_workflow");
    const since = async () =>
      (await list()).filter(({ createdAt }) => createdAt >= startedAt).map(({ id }) => id);
    await expect.poll(since, { timeout: 10_000 }).toContain(later.run.id);
    expect(await since()).toEqual([later.run.id]);
  });
});

describe("with scripts", () => {
  it("test_complex_python reports the sum of the numbers that its first task drew", async () => {
    const { results } = await run("test_complex_python");
    const drawn = valueIn(results["create_data"], "numbers");
    if (!Array.isArray(drawn)) throw new Error(`the numbers are ${drawn}`);
    const sum = drawn.map(Number).reduce((total, one) => total + one, 0);
    expect(drawn).toHaveLength(5);
    expect(valueIn(results["final_report"], "report")).toMatch(new RegExp(`^5 numbers, sum ${sum},`));
  });

  it("test_context_workflow gives its second script each value with its type", async () => {
    const { results } = await run("test_context_workflow");
    const types = { numbers: "list", count: "int", test_string: "str", test_number: "int" };
    expect(valueIn(results["second_task"], "types")).toEqual(types);
  });

  it("parallel_workflow's first three tasks overlap, and the fourth is told all three results", async () => {
    const { tasks, results, asked } = await run("parallel_workflow");
    const three = ["analyze_sentiment", "count_words", "generate_summary"].map((id) => tasks.get(id));
    const attempts = three.flatMap((task) => task?.attempts ?? []);
    expect([attempts.length, overlap(attempts)]).toEqual([3, true]);
    const [one, other, last] = asked;
    expect(one?.endedAt).toBeGreaterThan(other?.startedAt ?? Number.POSITIVE_INFINITY);
    expect(last && promptsOf([last])[0]?.trimEnd()).toBe(
      "Combine these analysis results into a brief report:\n" +
        `Sentiment: ${results["analyze_sentiment"]?.["response"]}\n` +
        `Word Analysis: ${JSON.stringify(results["count_words"]?.["result"])}\n` +
        `Summary: ${results["generate_summary"]?.["response"]}`,
    );
    expect(valueIn(results["count_words"], "word_count")).toBe(11);
  });

  it("mixed_workflow computes with the numbers of a model, and has them summed up", async () => {
    const { results, asked } = await run("mixed_workflow");
    expect(valueIn(results["calculate_stats"], "mean")).toBe(13.2);
    expect(promptsOf(asked)[1]).toMatch(/easy-to-understand way: \{.*"mean":13\.2/);
  });
});

describe("with texts", () => {
  const names = ["meeting_notes.txt", "sample_story.txt", "technical_spec.txt"];
  const question = "Provide a 2-3 sentence summary of this document, highlighting the main points.";
  const prompts = names.map(
    (name) => `${question}\n\nFile content from examples/documents/${name}:\n${textOf(`documents/${name}`)}`,
  );

  it("text_file_workflow asks three times about the story, and once about the answer", async () => {
    const asked = promptsOf((await run("text_file_workflow")).asked);
    const story = textOf("documents/sample_story.txt");
    expect(asked.map((prompt) => prompt.endsWith(story))).toEqual([true, true, true, false]);
    expect(asked[3]).toMatch(/^Based on this summary: Elena finds a garden\n/);
  });

  it("batch_text_analysis asks about each text", async () => {
    const { tasks, asked } = await run("batch_text_analysis");
    expect([...tasks.keys()]).toEqual(["analyze_meeting_notes", "analyze_story", "analyze_spec"]);
    expect([...tasks.values()].map(promptIn)).toEqual(prompts);
    expect(promptsOf(asked).sort()).toEqual(prompts);
  });

  it("batch_text_dynamic has a task for each text in the folder, sorted", async () => {
    const { tasks, asked } = await run("batch_text_dynamic");
    expect([...tasks.keys()]).toEqual([
      "process-meeting_notes-txt-0",
      "process-sample_story-txt-1",
      "process-technical_spec-txt-2",
    ]);
    expect([...tasks.values()].map(promptIn)).toEqual(prompts);
    expect(promptsOf(asked).sort()).toEqual(prompts);
  });
});

it("vision_file_workflow sends its image as base64 and goes on with what is said of it", async () => {
  const { asked } = await run("vision_file_workflow");
  const images = [base64Of("images/test_colors.png")];
  const content = expect.stringMatching(/^Analyze this image/);
  expect(asked[0]?.body).toMatchObject({
    model: "llava:latest",
    messages: [{ role: "user", content, images }],
  });
  const [, extract, summary] = promptsOf(asked);
  expect(extract).toContain("image analysis: 'Four squares: red, green, blue, yellow', extract");
  expect(summary).toContain("The analysis was: 'Four squares: red, green, blue, yellow' and");
  expect(summary).toContain("the main colors are: 'red, green, blue, yellow'.");
});
