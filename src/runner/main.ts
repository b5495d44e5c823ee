/** `node src/runner/main.ts`: the runner alone. */
import { parseCommand, serveCommand } from "./command.ts";
import { messageOf } from "./rpc.ts";

try {
  await serveCommand(parseCommand(process.argv.slice(2)));
} catch (thrown) {
  process.stderr.write(`${messageOf(thrown)}\n`);
  process.exitCode = 1;
}
