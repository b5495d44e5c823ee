import { describe, expect, it } from "vitest";
import type { JsonObject } from "../../src/contract/json.ts";
import { type ResolvedInputs, resolveInputs } from "../../src/spec/inputs.ts";
import { echo, file, workflowOf } from "./checking.ts";

const WORKFLOW = workflowOf(`inputs:
  topic: { type: string, default: cats }
  count: { type: integer }
  size: { enum: [small, large], default: small }
  note: { type: string, required: false }
${file(echo("a"))}`);

const resolve = (given: JsonObject): ResolvedInputs => resolveInputs(WORKFLOW, given);

describe("inputs of a run", () => {
  it("are those given, and defaults for the others", () => {
    expect(resolve({ count: 3, topic: "dogs" })).toEqual({
      inputs: { topic: "dogs", count: 3, size: "small", note: null },
    });
  });

  it("must be given where there is no default and they are not optional", () => {
    expect(resolve({})).toEqual({
      problems: [
        {
          severity: "error",
          code: "missing_input",
          path: "inputs.count",
          message: 'input "count" is missing: give it, or a default in the workflow',
        },
      ],
    });
  });

  it.each([
    [{ count: "3" }, 'input "count" must be a whole number, not the string "3"'],
    [{ count: 1.5 }, 'input "count" must be a whole number, not 1.5'],
    [{ count: 1, topic: 7 }, 'input "topic" must be a string, not 7'],
    [{ count: 1, size: "huge" }, 'input "size" must be "small" or "large", not the string "huge"'],
    [{ count: null }, 'input "count" must be a whole number, not null'],
  ])("must fit what is declared: %j", (given, message) => {
    expect(resolve(given)).toMatchObject({ problems: [{ code: "invalid_input", message }] });
  });

  it("may be null where they are optional, or of any type", () => {
    const workflow = workflowOf(`inputs: { a: { type: string, required: false }, b: }\n${file(echo("a"))}`);
    expect(resolveInputs(workflow, { a: null, b: null })).toEqual({ inputs: { a: null, b: null } });
  });

  it("must be declared", () => {
    expect(resolve({ count: 1, topc: "x" })).toMatchObject({
      problems: [
        {
          code: "unknown_input",
          path: "inputs.topc",
          message: 'input "topc" is not declared by the workflow',
          suggestion: 'did you mean "topic"?',
        },
      ],
    });
  });

  it("that are wrong are all reported at once", () => {
    const resolved = resolve({ topic: 7, more: 1 });
    expect("problems" in resolved && resolved.problems.map(({ code }) => code).sort()).toEqual([
      "invalid_input",
      "missing_input",
      "unknown_input",
    ]);
  });

  it("never come from the prototype of what is given", () => {
    const workflow = workflowOf(`inputs: { constructor: { type: string } }\n${file(echo("a"))}`);
    expect(resolveInputs(workflow, {})).toMatchObject({ problems: [{ code: "missing_input" }] });
  });
});
