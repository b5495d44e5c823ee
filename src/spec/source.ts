/** What a workflow comes as, and whether it is fit to be looked at: no more of it than the limits allow, and no batch. */
import { isJsonObject, type Json, type JsonObject, ownValue } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Problem } from "../contract/workflow.ts";
import { collectFindings, type Finding, type Findings } from "./problems.ts";
import { findExcess } from "./value-depth.ts";
import { readYaml, type YamlSource } from "./yaml-source.ts";

/** YAML or JSON text, or what was parsed. With both, the value is checked and the text tells the lines. */
export type Source = { text: string } | { value: Json } | { text: string; value: Json };
export type ReadSource = { yaml?: YamlSource | undefined; value: Json | undefined };

/**
 * A file's text as the value it holds: for clients, which rewrite it (`expandBatch`, `inlineFiles`) before they check
 * `{ text, value }`. No value where the text is no YAML or JSON, or beyond the limits; the problems then say why.
 */
export function readText(text: string): { value?: Json; problems: Problem[] } {
  const findings = collectFindings();
  const yaml = readYaml(text, findings);
  const problems = findings.report(yaml?.locate);
  return yaml === undefined || findings.hasErrors() ? { problems } : { value: yaml.value, problems };
}

export function readSource(source: Source, findings: Findings): ReadSource {
  if (!("text" in source)) return { value: source.value };
  if (!("value" in source)) {
    const yaml = readYaml(source.text, findings);
    return { yaml, value: yaml?.value };
  }
  // Larger texts come without lines: their values count, for which there are other limits.
  const hasLines = source.text.length <= LIMITS.yamlBytes;
  return { yaml: hasLines ? readYaml(source.text, findings) : undefined, value: source.value };
}

/** False, and said why, for what is no workflow or too much of one. */
export function isFit(value: Json | undefined, findings: Findings): value is JsonObject {
  if (value === undefined || findings.hasErrors()) return false;
  const unfit = findUnfitness(value);
  if (unfit !== undefined) findings.error(unfit);
  return unfit === undefined;
}

function findUnfitness(value: Json): Finding | undefined {
  if (!isJsonObject(value))
    return { code: "invalid_value", at: [], message: "a workflow is an object with tasks" };
  const excess = findExcess(value, { levels: LIMITS.depth, values: LIMITS.values });
  if (excess?.kind === "too_many") return { code: "too_large", at: [], message: TOO_MANY };
  if (excess?.kind === "too_deep") {
    const message = `nested too deeply here: at most ${LIMITS.depth} levels`;
    return { code: "too_deep", at: excess.at, message };
  }
  const batch = ownValue(value, "batch") ?? null;
  if (batch !== null || ownValue(value, "type") === "batch") {
    return {
      code: "file_not_inlined",
      at: isJsonObject(batch) ? ["batch", "directory"] : ["type"],
      message: BATCH,
    };
  }
  const tasks = ownValue(value, "tasks");
  if (!Array.isArray(tasks) || tasks.length <= LIMITS.tasks) return undefined;
  const message = `${tasks.length} tasks are more than ${LIMITS.tasks}: split the workflow`;
  return { code: "too_large", at: ["tasks"], message, near: "key" };
}

const TOO_MANY = `over ${LIMITS.values} values (items of lists are one each, keys of objects four) are too many: pass large data as text, or by reference`;
const BATCH =
  "a batch names files, which the service cannot see: submit it with the CLI (gleitzeit run) or the SDK, which make a task for each file";
