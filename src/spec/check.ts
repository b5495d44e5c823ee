/** A workflow file checked: all problems at once, and the canonical workflow where there is no error. */
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Protocol } from "../contract/protocol.ts";
import type { Problem, Workflow, WorkflowTask } from "../contract/workflow.ts";
import { type Draft, type DraftTask, readWorkflow, type SourceAt } from "./canonical.ts";
import { checkCycles } from "./cycles.ts";
import { checkOutputs, type Dependent, isLinkable, linkTasks } from "./dependencies.ts";
import { checkInput } from "./inputs.ts";
import type { Surroundings } from "./meaning.ts";
import { familyOf, type MethodName } from "./methods.ts";
import { collectFindings } from "./problems.ts";
import { countOpenings } from "./reference.ts";
import { checkShape, type FileTask, type FileWorkflow, fileTask, fileWorkflow } from "./shape.ts";
import { isFit, readSource, type Source } from "./source.ts";
import { asSpelled, type Reading } from "./spellings.ts";
import { limitedSuggest } from "./suggest.ts";
import { assignIds, type Identity } from "./task-ids.ts";
import { indexTasks, ODD_ID_KEY } from "./task-names.ts";
import { checkCall, type Missed, type Offer } from "./task-params.ts";
import { checkVersions } from "./versions.ts";

/** `mayBeMore`: who asks does not know all protocols there are, so that an unknown one is no error. */
export type CheckOptions = {
  protocols: readonly Protocol[];
  knownTools?: readonly string[];
  mayBeMore?: boolean;
};
/** `workflow` is there when no problem is an error. `missed` is what it asks for and the options do not have. */
export type Checked = { problems: Problem[]; workflow?: Workflow; missed: Missed };

/**
 * @example
 * checkWorkflow({ text: "tasks: [{ method: echo/echo }]" }, { protocols: PROTOCOLS }).workflow?.tasks[0]?.id; // "task-1"
 */
export function checkWorkflow(source: Source, options: CheckOptions): Checked {
  const findings = collectFindings();
  const reading: Reading = { findings, suggest: limitedSuggest(), spelled: new Map() };
  const { yaml, value } = readSource(source, findings);
  const missed: Missed = { protocols: new Set(), tools: new Set() };
  const { protocols, knownTools = [], mayBeMore = false } = options;
  const offer: Offer = { protocols, knownTools, mayBeMore, missed };
  const sourceAt: SourceAt = (place) => yaml?.sourceAt(place);
  const workflow = isFit(value, findings) ? check(value, sourceAt, reading, offer) : undefined;
  const problems = findings.report(yaml?.locate, (place) => asSpelled(place, reading.spelled));
  return workflow === undefined || findings.hasErrors()
    ? { problems, missed }
    : { problems, workflow, missed };
}

type Task = { draft: DraftTask; shaped: FileTask | undefined; identity: Identity; params: JsonObject };

function check(raw: JsonObject, sourceAt: SourceAt, reading: Reading, offer: Offer): Workflow | undefined {
  const draft = readWorkflow(raw, reading, sourceAt);
  if (!isLinkable(draft, reading.findings)) return undefined;
  const own = checkOwn(draft, reading);
  const tasks = shapeTasks(draft, reading);
  const methods = tasks.map((task) => checkMethod(task, reading, offer));
  checkVersions(
    tasks.map(({ draft: { subject, at } }, index) => ({ subject, at, named: methods[index] })),
    reading.findings,
  );
  const links = linkAll(tasks, methods, draft, reading);
  const built = tasks.flatMap((task, index) => build(task, methods[index], links[index] ?? []));
  return own === undefined || built.length < tasks.length ? undefined : { ...own, tasks: built };
}

function checkOwn({ fields }: Draft, { findings, suggest }: Reading): FileWorkflow | undefined {
  const { tasks, ...rest } = fields;
  if (fields["name"] === undefined) {
    const message = 'the workflow has no name: it will be called "Unnamed workflow"';
    findings.warn({ code: "unnamed_workflow", at: ["name"], message });
  }
  if (!Array.isArray(tasks) || tasks.length === 0) {
    const code = tasks === undefined ? "missing_key" : "invalid_value";
    const message = `tasks ${tasks === undefined ? "is missing" : "must be a list"}: a workflow has at least one task`;
    findings.error({ code, at: ["tasks"], message, near: "key" });
  }
  const own = checkShape(fileWorkflow, rest, { at: [], subject: "", findings, suggest });
  for (const [name, schema] of Object.entries(own?.inputs ?? {})) {
    const at = ["inputs", name, "default"];
    for (const message of schema.default === undefined ? [] : checkInput(name, schema, schema.default)) {
      findings.error({ code: "invalid_value", at, message: `${message} (its default)` });
    }
  }
  return own;
}

function shapeTasks(draft: Draft, { findings, suggest }: Reading): Task[] {
  const identities = assignIds(draft.tasks, findings);
  return draft.tasks.flatMap((task, index) => {
    const { at, subject, fields } = task;
    const shaped = checkShape(fileTask, fields, { at, subject, findings, suggest });
    const params = isJsonObject(fields["params"]) ? fields["params"] : {};
    const identity = identities[index];
    return identity === undefined ? [] : [{ draft: task, shaped, identity, params }];
  });
}

/** Undefined where the task names no method, which its shape says. */
function checkMethod({ draft, params }: Task, reading: Reading, offer: Offer): MethodName | undefined {
  const { method, protocol } = draft.fields;
  if (typeof method !== "string" || method === "") return undefined;
  const named = typeof protocol === "string" && protocol !== "" ? protocol : undefined;
  const { subject, at } = draft;
  return checkCall({ subject, at, method, protocol: named, params }, { offer, ...reading });
}

/** What each task depends on. */
function linkAll(
  tasks: readonly Task[],
  methods: (MethodName | undefined)[],
  draft: Draft,
  reading: Reading,
): string[][] {
  const { inputs, outputs } = draft.fields;
  const around: Surroundings = {
    names: indexTasks(tasks.map(({ identity }) => identity)),
    inputs: namesOf(inputs),
    openings: countOpenings(),
    ...reading,
  };
  const links = linkTasks(
    tasks.map((task, index) => dependentOf(task, methods[index])),
    around,
  );
  const linked = tasks.map(({ draft: { at, fields }, identity: { id } }, index) => {
    const place = fields["dependencies"] === undefined ? at : [...at, "dependencies"];
    return { id, dependencies: links[index] ?? [], at: place };
  });
  checkCycles(linked, reading.findings);
  // Too many are refused by their shape, and not looked at.
  if (isJsonObject(outputs) && Object.keys(outputs).length <= LIMITS.outputs) checkOutputs(outputs, around);
  return links;
}

function namesOf(inputs: Json | undefined): Set<string> | undefined {
  const names = isJsonObject(inputs) ? Object.keys(inputs) : [];
  return names.length > LIMITS.inputs ? undefined : new Set(names);
}

function dependentOf({ draft, identity, params }: Task, method: MethodName | undefined): Dependent {
  const { subject, at, fields } = draft;
  const stated = Array.isArray(fields["dependencies"]) ? fields["dependencies"] : [];
  const isScript = method !== undefined && familyOf(method.protocol) === "python";
  return { id: identity.id, subject, at, stated, params, isScript };
}

function build(task: Task, method: MethodName | undefined, dependencies: string[]): WorkflowTask[] {
  if (task.shaped === undefined || method === undefined) return [];
  const { id, name, oddId } = task.identity;
  const { metadata: given, ...rest } = task.shaped;
  const metadata = oddId === undefined ? given : { ...given, [ODD_ID_KEY]: oddId };
  return [{ ...rest, ...method, id, name, dependencies, ...(metadata === undefined ? {} : { metadata }) }];
}
