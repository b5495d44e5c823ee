/** `npm run demo`: everything once, in a throw-away folder and on free ports; nothing of it stays. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connect } from "../client/client.ts";
import { findModel } from "./find-model.ts";
import { startService } from "./service.ts";
import { untilSignal } from "./until-signal.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const CLI = join(ROOT, "src/cli/main.ts");
const HELLO = "examples/hello/workflow.yaml";
const HELLO_MODEL = "examples/hello/with-model.yaml";
const INTERRUPTED = 130;

process.exitCode = await demo();

async function demo(): Promise<number> {
  untilSignal();
  const stateFolder = mkdtempSync(join(tmpdir(), "gleitzeit-demo-"));
  // However this ends: while workerd starts, Miniflare exits on a signal by itself.
  process.once("exit", () => rmSync(stateFolder, { recursive: true, force: true }));
  // Only shown when something goes wrong: the demo is about the workflow.
  const lines: string[] = [];
  try {
    const service = await startService({ port: 0, stateFolder, log: (line) => lines.push(line) });
    try {
      return await show(service.url, lines);
    } finally {
      await service.close();
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

async function show(url: string, lines: string[]): Promise<number> {
  const model = await findModel(connect({ url }));
  const run = model === undefined ? [HELLO] : [HELLO_MODEL, "--input", `model=${model}`];
  console.log(`A service of its own runs at ${url} for this demo.\n\n> gleitzeit run ${run.join(" ")}\n`);
  const code = await runCli(["run", ...run, "--url", url]);
  if (code === 0) console.log(nextSteps(model));
  else if (lines.length > 0) console.error(`\nthe service said:\n${lines.join("\n")}`);
  return code;
}

/** The command line as users have it, in this terminal; Ctrl-C ends it, and then the demo. */
async function runCli(parameters: string[]): Promise<number> {
  const interrupted = untilSignal();
  const child = spawn(process.execPath, [CLI, ...parameters], { cwd: ROOT, stdio: "inherit" });
  const [code] = await Promise.race([once(child, "exit"), interrupted.then(() => [INTERRUPTED])]);
  child.kill();
  return typeof code === "number" ? code : 1;
}

function nextSteps(model: string | undefined): string {
  const steps = [
    ["npm start", "a service that stays, at http://127.0.0.1:8787"],
    [`npm run -s gleitzeit -- run ${HELLO}`, "this workflow there, or one of yours"],
    ["npm run -s gleitzeit -- check FILE", "what is wrong with a workflow, without running it"],
  ];
  const lines = steps.map(([command = "", what]) => `  ${command.padEnd(58)} ${what}`);
  const hint =
    model === undefined ? "\n\nWith Ollama running (ollama serve), the demo asks a model too." : "";
  return `\nNext:\n${lines.join("\n")}${hint}`;
}
