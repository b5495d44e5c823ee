/** `--input name=value`: text, or JSON where the workflow wants something else than text. */
import { GleitzeitError } from "../contract/error.ts";
import type { Json, JsonObject } from "../contract/json.ts";
import type { InputSchema, Workflow } from "../contract/workflow.ts";
import { resolveInputs } from "../spec/inputs.ts";

/** The inputs to send; throws, naming all that is wrong with them, what the service would refuse. */
export function parseInputs(options: string[], workflow: Pick<Workflow, "inputs">): JsonObject {
  const given = Object.fromEntries(options.map((option) => parseInput(option, workflow)));
  const resolved = resolveInputs(workflow, given);
  if ("inputs" in resolved) return given;
  const messages = resolved.problems.map(({ message, suggestion }) =>
    suggestion === undefined ? message : `${message}; ${suggestion}`,
  );
  throw new GleitzeitError("invalid_inputs", messages.join("\n"));
}

function parseInput(option: string, { inputs }: Pick<Workflow, "inputs">): [string, Json] {
  const end = option.indexOf("=");
  if (end < 1) throw new GleitzeitError("invalid_inputs", `--input ${option}: write it as name=value`);
  const name = option.slice(0, end);
  const text = option.slice(end + 1);
  const schema = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
  return [name, wantsText(schema) ? text : parseJson(text)];
}

/** An input without a type is of the type of its default. */
function wantsText(schema: InputSchema | undefined): boolean {
  if (schema?.type !== undefined) return schema.type === "string";
  const sample = schema?.default ?? schema?.enum?.[0] ?? "";
  return typeof sample === "string";
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return text; // the check of the inputs says what was wanted
  }
}
