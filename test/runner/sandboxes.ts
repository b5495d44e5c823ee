/** Which sandboxes there are here. Under CI bubblewrap must work; elsewhere its tests are skipped, and say why. */
import { describe } from "vitest";
import { startRunner } from "../../src/runner/runner.ts";
import type { SandboxKind } from "../../src/runner/sandbox.ts";

const problem = process.env["CI"] ? undefined : await findProblem();
if (problem !== undefined) console.warn(`tests in bubblewrap are skipped: ${problem}`);

/** Tests that need bubblewrap. */
export const describeInBubblewrap = describe.skipIf(problem !== undefined);

/** The same tests under each sandbox that works here without more. */
export function describeInEach(specify: (sandbox: SandboxKind) => void): void {
  describe("in a plain process", () => specify("process"));
  describeInBubblewrap("in bubblewrap", () => specify("bubblewrap"));
}

async function findProblem(): Promise<string | undefined> {
  try {
    await (await startRunner({ port: 0, sandbox: "bubblewrap" })).close();
    return undefined;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}
