/** A run keeps one meaning of each method, and a method is called alike in all versions of its protocol. */
import type { MethodName } from "./methods.ts";
import { type Findings, quoteName } from "./problems.ts";
import type { Place } from "./strings.ts";

type Named = { subject: string; at: Place; named: MethodName | undefined };

export function checkVersions(tasks: readonly Named[], findings: Findings): void {
  const protocols = new Map<string, string>();
  for (const { subject, at, named } of tasks) {
    if (named === undefined) continue;
    const { method, protocol } = named;
    const first = protocols.get(method) ?? protocol;
    protocols.set(method, first);
    if (first === protocol) continue;
    const both = `${quoteName(method)} is asked of ${quoteName(first)} and of ${quoteName(protocol)}`;
    const message = `${subject}${both}: keep to one version in a workflow`;
    findings.error({ code: "invalid_value", at: [...at, "protocol"], message });
  }
}
