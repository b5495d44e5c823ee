/** examples/custom-provider: the server does what its protocol says, and its workflow is one of that protocol. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { protocol } from "../../src/contract/protocol.ts";
import { JSONRPC } from "../../src/providers/jsonrpc.ts";
import { PROTOCOLS } from "../../src/providers/protocols/index.ts";
import { checkWorkflow } from "../../src/spec/check.ts";
import { checkAgainstSchema } from "../../src/spec/schema.ts";
import { ROOT } from "../e2e/process.ts";
import { contextFor, failureOf } from "./context.ts";
import { deadUrl as freeUrl } from "./http-server.ts";

const FOLDER = join(ROOT, "examples/custom-provider");
const read = (name: string) => readFileSync(join(FOLDER, name), "utf8");
const text = protocol.parse({ name: "text/v1", version: "v1", ...JSON.parse(read("protocol.json")) });

const url = await freeUrl();
const server = spawn("python3", [join(FOLDER, "server.py"), new URL(url).port], { stdio: "ignore" });
beforeAll(() => vi.waitFor(() => JSONRPC.describe(contextFor(url)), { timeout: 30_000 }));
afterAll(() => {
  server.kill();
});

it("is as short as it says", () => {
  expect(read("server.py").trimEnd().split("\n").length).toBeLessThanOrEqual(30);
});

it.each([
  ["text/stats", { text: "One two. Three?" }, { words: 3, sentences: 2, words_per_sentence: 1.5 }],
  ["text/stats", { text: "" }, { words: 0, sentences: 0, words_per_sentence: 0 }],
  ["text/keywords", { text: "Tunnel, a tunnel, model", most: 1 }, [{ word: "tunnel", count: 2 }]],
])("%s of %j is %j", async (method, params, expected) => {
  const { result } = await JSONRPC.execute({ protocol: "text/v1", method, params }, contextFor(url));
  expect(result).toEqual(expected);
  const spec = text.methods[method];
  expect(checkAgainstSchema(spec?.params ?? { not: {} }, params, { name: "params" })).toEqual([]);
  expect(checkAgainstSchema(spec?.result ?? { not: {} }, result, { name: "result" })).toEqual([]);
});

it("says so where it has no such method, and is healthy all the same", async () => {
  const call = { protocol: "text/v1", method: "text/other", params: {} };
  expect((await failureOf(JSONRPC.execute(call, contextFor(url)))).code).toBe("unknown_method");
  const wrong = { ...call, method: "text/stats", params: { text: 1 } };
  expect((await failureOf(JSONRPC.execute(wrong, contextFor(url)))).code).toBe("tool_failed");
  expect(await JSONRPC.health(contextFor(url))).toEqual({ healthy: true });
});

it("has a workflow that checks once its protocol is known, and not before", () => {
  const source = { text: read("workflow.yaml") };
  expect(checkWorkflow(source, { protocols: [...PROTOCOLS, text] }).problems).toEqual([]);
  expect(checkWorkflow(source, { protocols: PROTOCOLS }).workflow).toBeUndefined();
});
