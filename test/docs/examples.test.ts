import { execFile, spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { nodeFiles } from "../../src/cli/node-files.ts";
import { isJsonObject, jsonObject } from "../../src/contract/json.ts";
import { PROTOCOLS } from "../../src/providers/protocols/index.ts";
import { startRunner } from "../../src/runner/runner.ts";
import { checkWorkflow } from "../../src/spec/check.ts";
import { expandBatch } from "../../src/spec/expand-batch.ts";
import { inlineFiles } from "../../src/spec/inline-files.ts";
import { readText } from "../../src/spec/source.ts";
import { ROOT, temporaryFolder } from "../e2e/process.ts";
import { serviceForFile } from "../e2e/service.ts";
import { startFakeOllama } from "../fake-ollama/server.ts";
import { type Block, blocksIn, findPage, PAGES, placeOf, rowsUnder } from "./markdown.ts";

const ollama = await startFakeOllama();
afterAll(() => ollama.close());
const client = await serviceForFile({ ollamaUrls: [ollama.url] });

const SECRET = "a-long-random-text";
const runner = await startRunner({ port: 0, secret: SECRET });
afterAll(() => runner.close());

const workflows = blocksIn("yaml").filter(({ text }) => /^(tasks|batch):/m.test(text));
const named = (blocks: Block[]) => blocks.map((block) => [placeOf(block), block] as const);

describe("the workflows of README and docs", () => {
  it("are there", () => expect(workflows.length).toBeGreaterThan(5));

  it.each(named(workflows))("check without a problem: %s", async (_, block) => {
    const { file, problems } = await withFiles(block.text);
    const checked = checkWorkflow({ value: file }, { protocols: PROTOCOLS });
    expect([...problems, ...checked.problems]).toEqual([]);
  });

  it.each(named(workflows.filter(({ marks }) => marks[0] === "run")))("complete: %s", async (_, block) => {
    const { file } = await withFiles(block.text);
    const run = await client.submit({ workflow: file }, { waitSeconds: 30 });
    expect(run).toMatchObject({ status: "completed" });
  });
});

const hasCurl = spawnSync("curl", ["--version"]).status === 0;

describe("the commands of README and docs", () => {
  const pages = PAGES.filter(({ blocks }) => blocks.some(isRunnable));

  it.skipIf(!hasCurl).each(pages.map(({ name, blocks }) => [name, blocks] as const))(
    "work as they stand, one after the other: %s",
    async (_, blocks) => {
      const folder = temporaryFolder();
      cpSync(join(ROOT, "examples"), join(folder, "examples"), { recursive: true });
      for (const { marks, text } of blocks)
        if (marks[1] !== undefined) writeFileSync(join(folder, marks[1]), text);
      const printed = await runShell(
        blocks.filter(isRunnable).map(({ text }) => text),
        folder,
      );
      expect(printed).toMatch(/completed|"success":true/);
    },
  );

  it("that are not run here start programs and scripts that are there", () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    for (const { text } of blocksIn("sh").filter((block) => !isRunnable(block))) {
      for (const [, script = ""] of text.matchAll(/\bnpm (?:run (?:-s )?)?(?!install\b)([a-z]+)/g)) {
        expect(Object.keys(scripts)).toContain(script);
      }
      for (const [, program = ""] of text.matchAll(/\bnode (\S+)/g))
        expect(existsSync(join(ROOT, program))).toBe(true);
    }
  });
});

it("the routes in docs/http-api.md are those that are served", async () => {
  const answer = await fetch(`${client.url}/openapi.json`);
  const { paths } = z.object({ paths: z.record(z.string(), jsonObject) }).parse(await answer.json());
  const served = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `\`${method.toUpperCase()} ${path}\``),
  );
  const named = rowsUnder(findPage("docs/http-api.md"), "Routes").map(([route]) => route);
  expect(named.toSorted()).toEqual(served.toSorted());
});

function isRunnable({ language, marks }: Block): boolean {
  return language === "sh" && marks[0] !== "skip";
}

/** The workflow as the command line would submit it, in the project's folder. */
async function withFiles(text: string) {
  const { value, problems } = readText(text);
  const access = nodeFiles({ current: ROOT, own: ROOT, allowOutside: false });
  const expanded = await expandBatch(isJsonObject(value) ? value : {}, access);
  const inlined = await inlineFiles(expanded.file, access);
  return { file: inlined.file, problems: [...problems, ...expanded.problems, ...inlined.problems] };
}

/** As a user's shell would, but for addresses, and for curl that calls an error an error. */
async function runShell(blocks: string[], cwd: string): Promise<string> {
  const script = blocks
    .join("\n")
    .replaceAll("http://127.0.0.1:8787", client.url)
    .replaceAll("http://127.0.0.1:8765", runner.url)
    .replaceAll("npm run", `npm --prefix '${ROOT}' run`);
  const prelude = 'curl() { command curl --fail --max-time 40 "$@"; echo; }\n';
  const env = { ...process.env, GLEITZEIT_URL: client.url };
  const { stdout } = await promisify(execFile)("sh", ["-euc", prelude + script], {
    cwd,
    env,
    timeout: 50_000,
  });
  return stdout;
}
