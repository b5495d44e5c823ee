import { describe, expect, test } from "vitest";
import { LIMITS } from "../../src/contract/limits.ts";
import {
  ECHO,
  postJson,
  postText,
  postYaml,
  problemOf,
  runOf,
  STUCK,
  send,
  watchObjects,
} from "../workerd/http.ts";
import { finished } from "../workerd/start.ts";

const echoTask = { id: "hello", method: "echo/echo", params: { message: "${inputs.word}" } };
const wordy = { name: "wordy", inputs: { word: { type: "string" } }, tasks: [echoTask] };

describe("POST /v1/runs starts", () => {
  test("a workflow sent as YAML, and answers 202 with the run and its Location", async () => {
    const answer = await postYaml("/v1/runs", ECHO);
    expect(answer.status).toBe(202);
    expect(answer.headers.get("Content-Type")).toBe("application/json");
    const run = await runOf(answer);
    expect(answer.headers.get("Location")).toBe(`/v1/runs/${run.id}`);
    expect(run).toMatchObject({
      workflow: { name: "greeting" },
      status: "running",
      trigger: { kind: "api" },
    });
    expect(run.tasks.map(({ id }) => id)).toEqual(["hello"]);
    expect((await finished(run.id)).status).toBe("completed");
  });

  test.each(["text/yaml", "application/x-yaml", "Application/YAML; charset=utf-8"])(
    "YAML sent as %s",
    async (type) => {
      expect((await postYaml("/v1/runs", ECHO, { "Content-Type": type })).status).toBe(202);
    },
  );

  test("a workflow in JSON with its inputs, tags and metadata", async () => {
    const body = {
      workflow: wordy,
      inputs: { word: "hey" },
      tags: { team: "docs" },
      metadata: { ticket: 7 },
    };
    const answer = await postJson("/v1/runs?wait=30", body);
    expect(await runOf(answer)).toMatchObject({
      inputs: { word: "hey" },
      tags: { team: "docs" },
      metadata: { ticket: 7 },
      outputs: { hello: { response: "hey" } },
    });
  });

  test("a workflow whose YAML text is in JSON", async () => {
    expect((await runOf(await postJson("/v1/runs", { workflow: ECHO }))).workflow.name).toBe("greeting");
  });

  test("a bare workflow in JSON", async () => {
    const answer = await postJson("/v1/runs", { name: "bare", tasks: [{ id: "a", method: "echo/echo" }] });
    expect((await runOf(answer)).workflow.name).toBe("bare");
  });

  test("a run, and with ?wait answers 200 once it has ended", async () => {
    const answer = await postYaml("/v1/runs?wait=30", ECHO);
    expect(answer.status).toBe(200);
    expect((await runOf(answer)).status).toBe("completed");
  });

  test("a run, and answers 202 where it has not ended when the wait is over", async () => {
    const answer = await postJson("/v1/runs?wait=0.05", STUCK);
    const run = await runOf(answer);
    expect([answer.status, run.status]).toEqual([202, "running"]);
    await send(`/v1/runs/${run.id}/cancel`, { method: "POST" });
  });
});

describe("POST /v1/runs refuses", () => {
  test("a workflow that does not check with 422, every problem with line, column and suggestion, and stores nothing", async () => {
    const text =
      "tasks:\n  - id: a\n    method: echo/eco\n    dependancies: [b]\n  - id: c\n    method: llm/chatt\n    dependencies: [aa]\n";
    const { env, asked } = watchObjects();
    const headers = { "Content-Type": "application/yaml" };
    const answer = await send("/v1/runs", { method: "POST", body: text, headers }, env);
    expect(answer.status).toBe(422);
    const problem = await problemOf(answer);
    expect(problem.code).toBe("invalid_workflow");
    const errors = problem.issues.filter(({ severity }) => severity === "error");
    expect(errors.map(({ code, line }) => [code, line])).toEqual([
      ["unknown_method", 3],
      ["unknown_method", 6],
      ["unknown_dependency", 7],
    ]);
    expect(errors.every(({ column, suggestion }) => column !== undefined && suggestion !== undefined)).toBe(
      true,
    );
    expect(problem.issues.filter(({ severity }) => severity === "warning").length).toBeGreaterThan(0);
    expect(asked).toEqual([]);
  });

  test.each([2, "\t"])("a bare JSON workflow with lines too, indented with %j", async (indent) => {
    const text = JSON.stringify({ name: "x", tasks: [{ id: "a", method: "echo/eco" }] }, null, indent);
    const { issues } = await problemOf(await postText("/v1/runs", text));
    expect(issues[0]).toMatchObject({ code: "unknown_method", path: "tasks[0].method" });
    if (indent === 2) expect(issues[0]?.line).toBe(6);
  });

  test("a JSON body without tasks as the workflow it is not", async () => {
    const { code, issues } = await problemOf(await postJson("/v1/runs", { name: "x", taks: [] }));
    expect(code).toBe("invalid_workflow");
    expect(issues.map((issue) => issue.code)).toContain("missing_key");
  });

  test("a batch, saying that the client makes it into tasks", async () => {
    const body = { batch: { directory: "docs" }, template: { method: "echo/echo" } };
    const { code, issues } = await problemOf(await postJson("/v1/runs", body));
    expect([code, issues[0]?.code]).toEqual(["invalid_workflow", "file_not_inlined"]);
  });

  test("inputs that the workflow does not declare, or lacks, all at once", async () => {
    const answer = await postJson("/v1/runs", { workflow: wordy, inputs: { wrod: "hey" } });
    const problem = await problemOf(answer);
    expect([answer.status, problem.code]).toEqual([422, "invalid_inputs"]);
    expect(problem.issues.map(({ code }) => code)).toEqual(["missing_input", "unknown_input"]);
    expect(problem.issues[1]?.suggestion).toBe('did you mean "word"?');
  });

  test.each([
    ["a list", []],
    ["a text", "tasks: []"],
    ["null", null],
  ])("a JSON body that is %s with 400", async (_what, value) => {
    const answer = await postJson("/v1/runs", value);
    expect([answer.status, (await problemOf(answer)).code]).toEqual([400, "invalid_request"]);
  });

  test.each([
    ["inputs", { inputs: [] }],
    ["tags", { tags: { a: 1 } }],
    [
      "tags",
      { tags: Object.fromEntries(Array.from({ length: LIMITS.tags + 1 }, (_, index) => [index, ""])) },
    ],
    ["metadata", { metadata: "none" }],
    ["metadata", { metadata: { a: "x".repeat(LIMITS.metadataBytes) } }],
    ["workflow", { workflow: 7 }],
  ])("a malformed %s with 400 and its name", async (name, more) => {
    const answer = await postJson("/v1/runs", { workflow: wordy, ...more });
    const { code, detail, issues } = await problemOf(answer);
    expect([answer.status, code]).toEqual([400, "invalid_request"]);
    expect(issues[0]?.path).toMatch(new RegExp(`^${name}`));
    expect(detail).toContain(name);
  });

  test("an unknown key beside the workflow with the one that was probably meant", async () => {
    const { issues } = await problemOf(await postJson("/v1/runs", { workflow: wordy, input: {} }));
    expect(issues[0]).toMatchObject({
      code: "unknown_key",
      path: "input",
      suggestion: 'did you mean "inputs"?',
    });
  });

  test.each(["-1", "61", "soon", "NaN"])("a wait of %s with 400 and its name", async (wait) => {
    const answer = await postYaml(`/v1/runs?wait=${wait}`, ECHO);
    const { detail, issues } = await problemOf(answer);
    expect([answer.status, issues[0]?.path]).toEqual([400, "wait"]);
    expect(detail).toContain("wait must be a number of seconds from 0 to 60");
  });

  test("a run that grew too large for its object with 413, since numbers may be longer than they were written", async () => {
    const numbers = `[${"1e20,".repeat(2_000_000)}1]`;
    const text = `{"workflow": {"inputs": {"n": {}}, "tasks": [{"method": "echo/echo"}]}, "inputs": {"n": ${numbers}}}`;
    const answer = await postText("/v1/runs", text);
    expect([answer.status, (await problemOf(answer)).code]).toEqual([413, "too_large"]);
  });
});
