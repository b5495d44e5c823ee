/** What a run is given against what its workflow declares. */
import type { Json, JsonObject } from "../contract/json.ts";
import type { InputSchema, Problem, Workflow } from "../contract/workflow.ts";
import { collectFindings, type Finding, quoteName } from "./problems.ts";
import { checkAgainstSchema } from "./schema.ts";
import { setOwn } from "./strings.ts";
import { limitedSuggest } from "./suggest.ts";

export type ResolvedInputs = { inputs: JsonObject } | { problems: Problem[] };

/**
 * The inputs a run starts with: those given, defaults for the others, null for one that is declared
 * `required: false` and has no default. All problems at once.
 */
export function resolveInputs(workflow: Pick<Workflow, "inputs">, given: JsonObject): ResolvedInputs {
  const findings = collectFindings();
  const suggest = limitedSuggest();
  const inputs: JsonObject = {};
  for (const [name, schema] of Object.entries(workflow.inputs)) {
    const value = Object.hasOwn(given, name) ? given[name] : schema.default;
    for (const finding of checkGiven(name, schema, value)) findings.error(finding);
    setOwn(inputs, name, value ?? null);
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(workflow.inputs, name)) continue;
    const message = `input ${quoteName(name)} is not declared by the workflow`;
    const names = Object.keys(workflow.inputs);
    findings.error({
      code: "unknown_input",
      at: ["inputs", name],
      message,
      suggest: () => suggest(name, names),
    });
  }
  return findings.hasErrors() ? { problems: findings.report() } : { inputs };
}

/** What is wrong with a value for this input. */
export function checkInput(name: string, schema: InputSchema, value: Json): string[] {
  const rules: JsonObject = {};
  if (schema.type !== undefined) rules["type"] = schema.type;
  if (schema.enum !== undefined) rules["enum"] = schema.enum;
  const subject = `input ${quoteName(name)}`;
  return checkAgainstSchema(rules, value, { name: "value" }).map(({ message }) =>
    message.replace("value", () => subject),
  );
}

function checkGiven(name: string, schema: InputSchema, value: Json | undefined): Finding[] {
  const isOptional = schema.required === false && (value ?? null) === null;
  if (isOptional) return [];
  const at = ["inputs", name];
  if (value !== undefined) {
    return checkInput(name, schema, value).map((message) => ({ code: "invalid_input", at, message }));
  }
  const message = `input ${quoteName(name)} is missing: give it, or a default in the workflow`;
  return [{ code: "missing_input", at, message }];
}
