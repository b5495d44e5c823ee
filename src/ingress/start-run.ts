/** From what was asked to a run: checked, written down, given to its object. Every door that starts runs ends here. */
import { GleitzeitError } from "../contract/error.ts";
import { makeRunId } from "../contract/id.ts";
import type { JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Protocol } from "../contract/protocol.ts";
import type { Trigger } from "../contract/run.ts";
import type { Workflow } from "../contract/workflow.ts";
import type { Env } from "../env.ts";
import { encodeStored } from "../run/definition.ts";
import { resolveInputs } from "../spec/inputs.ts";
import type { Started } from "../stubs.ts";
import { askObject } from "./ask-run.ts";
import type { Asked } from "./asked.ts";
import { checkAsked, refuseWorkflow } from "./check-asked.ts";
import { freezeMethods } from "./freeze-methods.ts";
import type { Origin } from "./idempotency.ts";
import { RequestError, summarize } from "./problem.ts";

type Start = { asked: Asked; origin: Origin; actor: string; trigger: Trigger; waitMs: number };

/** Throws `invalid_workflow` or `invalid_inputs` with all issues before anything is stored. */
export async function startRun(env: Env, { asked, origin, actor, trigger, waitMs }: Start): Promise<Started> {
  const { workflow, inputs, protocols } = await check(env, asked);
  const createdAt = Date.now();
  const id = makeRunId(createdAt, origin.nameBytes);
  const { tags, metadata } = asked;
  const definition = encodeStored({
    id,
    workflow,
    inputs,
    createdAt,
    ...freezeMethods(workflow, protocols),
    digest: origin.digest,
    actor,
    trigger,
    tags,
    metadata,
  });
  refuseLarge(definition);
  // Asking twice is harmless: the second start finds the first.
  return await askObject(env, id, (run) => run.start(definition, waitMs));
}

type Checked = { workflow: Workflow; inputs: JsonObject; protocols: readonly Protocol[] };

async function check(env: Env, asked: Asked): Promise<Checked> {
  const { workflow, problems, protocols } = await checkAsked(env, asked);
  if (workflow === undefined) throw refuseWorkflow(problems);
  const resolved = resolveInputs(workflow, asked.inputs ?? {});
  if ("inputs" in resolved) return { workflow, inputs: resolved.inputs, protocols };
  throw new RequestError("invalid_inputs", summarize(resolved.problems), [...problems, ...resolved.problems]);
}

/** Numbers may be longer than they were written (1e20), and the object is reached by RPC, which has a limit. */
function refuseLarge({ byteLength }: Uint8Array): void {
  if (byteLength <= LIMITS.bodyBytes) return;
  const message = `the run with its inputs is ${byteLength} bytes: at most ${LIMITS.bodyBytes} are possible; split the work into several runs`;
  throw new GleitzeitError("too_large", message);
}
