/** `gleitzeit runner`: a Python runner on this machine, for a service here or elsewhere. */
import { parseCommand, type RunnerCommand, serveCommand } from "../runner/command.ts";
import { EXIT } from "./exit-code.ts";

/** `args` are the runner's own options, as they were typed. Resolves when it is told to end. */
export async function serveRunner(args: string[]): Promise<number> {
  const command = readCommand(args);
  if (command === undefined) return EXIT.usage;
  await serveCommand(command);
  return EXIT.completed;
}

function readCommand(args: string[]): RunnerCommand | undefined {
  try {
    return parseCommand(args);
  } catch (error) {
    console.error(
      `gleitzeit: ${error instanceof Error ? error.message : error}; see gleitzeit runner --help`,
    );
    return undefined;
  }
}
