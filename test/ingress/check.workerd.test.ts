import { describe, expect, test } from "vitest";
import type { CheckReport } from "../../src/contract/api.ts";
import { ECHO, postJson, postYaml, send, watchObjects } from "../workerd/http.ts";

const CHECK = "/v1/workflows/check";
const report = async (answer: Response) => [answer.status, await answer.json<CheckReport>()] as const;

describe("POST /v1/workflows/check", () => {
  test("answers 200 with the plan of a workflow that checks, and asks no object", async () => {
    const { env, asked } = watchObjects();
    const headers = { "Content-Type": "application/yaml" };
    const text = `${ECHO}  - { id: more, method: echo/echo, dependencies: [hello] }\n`;
    const answer = await send(CHECK, { method: "POST", body: text, headers }, env);
    expect(await report(answer)).toEqual([
      200,
      {
        valid: true,
        issues: [],
        plan: { levels: [["hello"], ["more"]], criticalPath: ["hello", "more"], tasks: 2 },
      },
    ]);
    expect(asked).toEqual([]);
  });

  test("answers 200 with all issues of one that does not, each with its line", async () => {
    const [status, found] = await report(
      await postYaml(CHECK, "name: x\ntasks:\n  - method: echo/eco\n  - id: 1\n"),
    );
    expect([status, found.valid, found.plan]).toEqual([200, false, undefined]);
    expect(found.issues.length).toBeGreaterThan(1);
    expect(found.issues.every(({ line, column }) => line !== undefined && column !== undefined)).toBe(true);
  });

  test("is valid with warnings, which are issues too", async () => {
    const [, found] = await report(await postYaml(CHECK, "tasks: [{ method: echo/echo }]"));
    expect(found).toMatchObject({
      valid: true,
      issues: [{ severity: "warning", code: "unnamed_workflow", line: 1 }],
    });
  });

  test("takes whatever form a run may be asked for in", async () => {
    const bare = { name: "x", tasks: [{ method: "echo/echo" }] };
    for (const body of [bare, { workflow: bare }, { workflow: ECHO }]) {
      expect((await report(await postJson(CHECK, body)))[1].valid).toBe(true);
    }
  });

  test("asks for inputs only where some are given", async () => {
    const workflow = { name: "x", inputs: { word: { type: "string" } }, tasks: [{ method: "echo/echo" }] };
    expect((await report(await postJson(CHECK, { workflow })))[1].valid).toBe(true);
    const [, found] = await report(await postJson(CHECK, { workflow, inputs: { word: 1 } }));
    expect(found).toMatchObject({ valid: false, issues: [{ code: "invalid_input", path: "inputs.word" }] });
  });

  test("answers YAML that is none with its line", async () => {
    const [status, found] = await report(await postYaml(CHECK, "name: x\ntasks: [\n"));
    expect([status, found.issues[0]?.code]).toEqual([200, "yaml_syntax"]);
  });
});
