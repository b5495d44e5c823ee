/** What a run gives back. */
import { describe, expect, test } from "vitest";
import type { Json } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { evaluateOutputs } from "../../src/engine/outputs.ts";
import { type Drive, type Setting, started } from "./drive.ts";
import { Executor } from "./executor.ts";
import { crowd } from "./shape.ts";

/** Completes each task with the result named for it, else with its id. */
function played(notation: string, setting: Setting, results: Record<string, Json> = {}): Drive {
  const drive = started(notation, setting);
  const ada = new Executor(drive);
  ada.sync();
  for (const id of drive.run.tasks.keys()) {
    if (results[id] === undefined) ada.complete(id, id);
    else ada.complete(id, results[id]);
  }
  return drive;
}

const outputsOf = (drive: Drive): unknown => evaluateOutputs(drive.run, drive.read);

describe("declared outputs", () => {
  test("are resolved like params", () => {
    const drive = played(
      "a b:a",
      { outputs: { n: "${a.count}", text: "<${b}>", fixed: [1] } },
      { a: { count: 2 } },
    );
    expect(outputsOf(drive)).toEqual({ outputs: { n: 2, text: "<b>", fixed: [1] } });
    expect(drive.run.state.status).toBe("completed");
  });

  test("that do not resolve fail the run with output_unresolved, its tasks done", () => {
    const drive = played("a", { outputs: { n: "${a.missing}" } }, { a: { found: 1 } });
    expect(drive.statusOf("a")).toBe("completed");
    expect(drive.run.state).toMatchObject({
      status: "failed",
      error: {
        code: "output_unresolved",
        message: 'outputs: "${a.missing}": task "a" has no "missing"; it has: found',
        details: { reference: "${a.missing}" },
      },
    });
  });

  test("that are just too large fail the run with outputs_too_large", () => {
    const outputs = { x: "${a}" };
    const most = "x".repeat(LIMITS.outputsBytes - '{"x":""}'.length);
    expect(played("a", { outputs }, { a: most }).run.state.status).toBe("completed");
    expect(played("a", { outputs }, { a: `${most}x` }).run.state).toMatchObject({
      error: { code: "outputs_too_large" },
    });
  });

  test("that are too large in all fail the run too", () => {
    const drive = played("a", { outputs: { a: "${a}", b: "${a}" } }, { a: "x".repeat(5 * 2 ** 20) });
    expect(drive.run.state).toMatchObject({ status: "failed", error: { code: "outputs_too_large" } });
  });

  test("are null where they refer to a task that was allowed to fail", () => {
    const drive = started("a", { each: { allowFailure: true }, outputs: { x: "${a.y}" } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "script_failed");
    expect(outputsOf(drive)).toEqual({ outputs: { x: null } });
  });

  test("are not looked at in a run that failed", () => {
    const drive = started("a", { outputs: { x: "${a}" } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "script_failed");
    expect(drive.run.state).toMatchObject({ error: { code: "task_failed" } });
  });
});

describe("without declared outputs a run gives", () => {
  test("the results of the tasks nothing depends on", () => {
    expect(outputsOf(played("a b:a c", {}, { c: null }))).toEqual({ outputs: { b: "b", c: null } });
  });

  test("null for one of these that was allowed to fail", () => {
    const drive = started("a", { each: { allowFailure: true } });
    const ada = new Executor(drive);
    ada.sync();
    ada.failWith("a", "script_failed");
    expect(outputsOf(drive)).toEqual({ outputs: { a: null } });
  });

  test("nothing where they are larger than one result may be: that fails no run", () => {
    const large = "x".repeat(5 * 2 ** 20);
    const drive = played(crowd(2), {}, { t0: large, t1: large });
    expect([drive.run.state.status, outputsOf(drive)]).toEqual(["completed", { omitted: true }]);
  });
});
