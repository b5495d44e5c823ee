/**
 * A workflow that was asked for, checked against what it may use. D1 and the hub of MCP are asked only where it names
 * something that is not always there, and then it is checked once more: everybody else pays nothing.
 */

import { protocolsOf } from "../catalog/protocols.ts";
import type { Protocol } from "../contract/protocol.ts";
import type { Problem } from "../contract/workflow.ts";
import type { Env } from "../env.ts";
import { PROTOCOLS } from "../providers/protocols/index.ts";
import { type Checked, type CheckOptions, checkWorkflow } from "../spec/check.ts";
import { askHub } from "./ask-hub.ts";
import type { Asked } from "./asked.ts";
import { RequestError, summarize } from "./problem.ts";

/** `protocols` are those it was checked against. */
export type CheckedAsked = Omit<Checked, "missed"> & { protocols: readonly Protocol[] };

/** Throws `unavailable` where it names a protocol that does not ship, and D1 cannot say what else there is. */
export async function checkAsked(env: Env, { source }: Asked): Promise<CheckedAsked> {
  if ("problems" in source) return { ...source, protocols: PROTOCOLS };
  const { missed, ...checked } = checkSource(source, { protocols: PROTOCOLS });
  const protocols = missed.protocols.size === 0 ? PROTOCOLS : await protocolsOf(env);
  const knownTools = missed.tools.size === 0 ? [] : await findTools(env);
  const isMoreKnown = protocols.length > PROTOCOLS.length || knownTools.length > 0;
  if (!isMoreKnown) return { ...checked, protocols };
  const { problems, workflow } = checkSource(source, { protocols, knownTools });
  return { problems, protocols, ...(workflow === undefined ? {} : { workflow }) };
}

export function refuseWorkflow(problems: Problem[]): RequestError {
  return new RequestError(
    "invalid_workflow",
    `the workflow does not check: ${summarize(problems)}`,
    problems,
  );
}

/** Lines are looked up only where it is refused: that takes a second parse. */
function checkSource(
  source: Exclude<Asked["source"], { problems: Problem[] }>,
  options: CheckOptions,
): Checked {
  if (!("value" in source)) return checkWorkflow(source, options);
  const checked = checkWorkflow({ value: source.value }, options);
  if (checked.workflow !== undefined || !("text" in source)) return checked;
  const located = checkWorkflow(source, options);
  // JSON that is no YAML (tabs) is refused as text, for reasons that are not the workflow's.
  return located.problems.length === checked.problems.length ? located : checked;
}

/** Only a warning hangs on it: where the hub does not answer, it stays. */
async function findTools(env: Env): Promise<string[]> {
  const servers = await askHub(env, "mcp/v1", (hub) => hub.list()).catch(() => []);
  return [...new Set(servers.flatMap(({ tools = [] }) => tools))];
}
