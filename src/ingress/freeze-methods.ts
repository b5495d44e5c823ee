/** What the protocols say of the methods that a workflow uses: it is the run's from now on, whatever becomes of them. */
import { findShipped } from "../catalog/protocols.ts";
import type { Protocol, ProtocolMethod } from "../contract/protocol.ts";
import type { Workflow } from "../contract/workflow.ts";
import type { MethodDefaults } from "../engine/plan.ts";
import { findMethod } from "../spec/methods.ts";

type Frozen = {
  methodDefaults: Record<string, MethodDefaults>;
  /** Whole, where an executor could not know them by itself. */
  methods: Record<string, ProtocolMethod>;
};

/** Both by full name: a workflow has one version of each (spec/versions.ts). */
export function freezeMethods(workflow: Workflow, protocols: readonly Protocol[]): Frozen {
  const frozen: Frozen = { methodDefaults: {}, methods: {} };
  const seen = new Set<string>();
  for (const { protocol: name, method } of workflow.tasks) {
    if (seen.has(method)) continue;
    seen.add(method);
    const protocol = protocols.find((one) => one.name === name);
    const spec = protocol === undefined ? undefined : findMethod(protocol, method);
    if (spec === undefined) continue;
    const { retry, timeout } = spec;
    if (retry !== undefined || timeout !== undefined) frozen.methodDefaults[method] = { retry, timeout };
    if (findShipped(name) === undefined) frozen.methods[method] = spec;
  }
  return frozen;
}
