#!/usr/bin/env node
/** `gleitzeit`: one file per command; this one only knows their names and options. */
import { Command, Option } from "commander";
import { HISTORY_BACKENDS } from "../contract/api.ts";
import { codeOf } from "../contract/error.ts";
import { checkFile } from "./check.ts";
import { EXIT } from "./exit-code.ts";
import { migrateHistory } from "./migrate.ts";
import { runFile } from "./run.ts";
import { serveRunner } from "./runner.ts";

const URL_DEFAULT = "http://127.0.0.1:8787";

const program = new Command("gleitzeit")
  .description("Declarative LLM workflows: check them, run them, watch them.")
  .showHelpAfterError("(gleitzeit --help tells more)")
  // commander exits with 1 for bad usage, which here means that a run failed.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? EXIT.completed : EXIT.usage));

program
  .command("run")
  .description("run a workflow and wait for its results")
  .argument("<file>", 'YAML or JSON; "-" reads standard input')
  .option("-i, --input <name=value>", "an input of the workflow; may be given several times", collect, [])
  .option("--json", "print the run with its results as JSON, and nothing else, on standard output", false)
  .option("--allow-outside", "let the workflow name files outside this folder and its own", false)
  .option("--url <url>", "the service", process.env["GLEITZEIT_URL"] || URL_DEFAULT)
  .action(async (file, options) => exitWith(runFile(file, options)));

program
  .command("check")
  .alias("validate")
  .description("check a workflow without a service, and without running it")
  .argument("<file>", 'YAML or JSON; "-" reads standard input')
  .option("--allow-outside", "let the workflow name files outside this folder and its own", false)
  .action(async (file, options) => exitWith(checkFile(file, options)));

program
  .command("migrate")
  .description("copy history from one backend to another; begun again, it copies what is missing")
  .addOption(new Option("--from <backend>", "stays as it is").choices(HISTORY_BACKENDS).makeOptionMandatory())
  .addOption(
    new Option("--to <backend>", "gets what it lacks").choices(HISTORY_BACKENDS).makeOptionMandatory(),
  )
  .option("--url <url>", "the service", process.env["GLEITZEIT_URL"] || URL_DEFAULT)
  .action(async (options) => exitWith(migrateHistory(options)));

program
  .command("runner")
  .description("start a Python runner on this machine (its options: gleitzeit runner --help)")
  // They are the runner's to read and to tell of.
  .helpOption(false)
  .allowUnknownOption()
  .allowExcessArguments()
  .action(async (_, command) => exitWith(serveRunner(command.args)));

// A reader that has seen enough (`| head`) is no failure of ours, but there is nobody left to print to.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));

await program.parseAsync();

/** Sets the exit code instead of exiting, so that what was printed reaches a slow pipe. */
async function exitWith(work: Promise<number>): Promise<void> {
  try {
    process.exitCode = await work;
  } catch (error) {
    console.error(`gleitzeit: ${error instanceof Error ? error.message : error}`);
    process.exitCode = exitCodeOf(error);
  }
}

function exitCodeOf(error: unknown): number {
  switch (codeOf(error)) {
    case "unavailable":
      return EXIT.unreachable;
    case "internal":
      return EXIT.failed;
    default:
      return EXIT.usage;
  }
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
