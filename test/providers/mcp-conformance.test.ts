/** The official conformance suite, with our provider as the client under test. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const OAUTH =
  "Gleitzeit sends the headers that an instance was registered with; it logs in nowhere by itself, since nobody is there to consent";

const APPLIES = ["initialize", "tools_call", "sse-retry"];

/** Why the others do not apply. */
const EXCLUDED: Record<string, string> = {
  "elicitation-sep1034-client-defaults": "a task has no person to ask, so the client declares no elicitation",
  "auth/metadata-default": OAUTH,
  "auth/metadata-var1": OAUTH,
  "auth/metadata-var2": OAUTH,
  "auth/metadata-var3": OAUTH,
  "auth/basic-cimd": OAUTH,
  "auth/scope-from-www-authenticate": OAUTH,
  "auth/scope-from-scopes-supported": OAUTH,
  "auth/scope-omitted-when-undefined": OAUTH,
  "auth/scope-step-up": OAUTH,
  "auth/scope-retry-limit": OAUTH,
  "auth/token-endpoint-auth-basic": OAUTH,
  "auth/token-endpoint-auth-post": OAUTH,
  "auth/token-endpoint-auth-none": OAUTH,
  "auth/pre-registration": OAUTH,
  "auth/2025-03-26-oauth-metadata-backcompat": OAUTH,
  "auth/2025-03-26-oauth-endpoint-fallback": OAUTH,
  "auth/resource-mismatch": OAUTH,
  "auth/offline-access-scope": OAUTH,
  "auth/offline-access-not-supported": OAUTH,
  "auth/client-credentials-jwt": OAUTH,
  "auth/client-credentials-basic": OAUTH,
  "auth/cross-app-access-complete-flow": OAUTH,
};

test("every scenario of the suite applies, or is excluded with a reason", async () => {
  const { stdout } = await conformance("list", "--client");
  const listed = [...stdout.matchAll(/^ +- (\S+)/gm)].map(([, name]) => name);
  expect(listed.toSorted()).toEqual([...APPLIES, ...Object.keys(EXCLUDED)].toSorted());
});

// `sse-retry` measures how long the client waits, to 200 ms; on a machine that is busy with other tests it may be later.
test.each(APPLIES)("the client conforms in %s", { retry: 2, timeout: 30_000 }, async (scenario) => {
  const client = fileURLToPath(new URL("mcp-conformance-client.ts", import.meta.url));
  const command = `"${process.execPath}" "${client}"`;
  const ran = await conformance("client", "--command", command, "--scenario", scenario).catch(said);
  expect(ran.stderr).toMatch(/Passed: (\d+)\/\1\b.*, 0 failed, 0 warnings/);
});

/** The suite as installed; one scenario takes about a second. */
function conformance(...options: string[]) {
  const suite = fileURLToPath(import.meta.resolve("@modelcontextprotocol/conformance/dist/index.js"));
  return promisify(execFile)(process.execPath, [suite, ...options], { timeout: 25_000 });
}

/** A process that failed has said why. */
function said(thrown: unknown): { stderr: string } {
  const stderr = typeof thrown === "object" && thrown !== null && "stderr" in thrown ? thrown.stderr : thrown;
  return { stderr: String(stderr) };
}
