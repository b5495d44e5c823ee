import { parseArgs } from "node:util";
import { LIMITS } from "./limits.ts";
import { messageOf } from "./rpc.ts";
import { type Runner, startRunner } from "./runner.ts";

const USAGE = `usage: node src/runner/main.ts [--port ${LIMITS.port}] [--host 127.0.0.1] [--with-parent]

  --port         0 takes any free one
  --host         any but loopback needs GLEITZEIT_RUNNER_SECRET
  --with-parent  end when standard input does, so that a killed parent leaves no runner behind
`;

try {
  await main();
} catch (thrown) {
  process.stderr.write(`${messageOf(thrown)}\n`);
  process.exitCode = 1;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: String(LIMITS.port) },
      host: { type: "string", default: "127.0.0.1" },
      "with-parent": { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return void process.stdout.write(USAGE);
  const secret = process.env["GLEITZEIT_RUNNER_SECRET"];
  const place = { host: values.host, port: parsePort(values.port) };
  const runner = await startRunner(secret ? { ...place, secret } : place);
  endWith(runner, values["with-parent"]);
  process.stdout.write(`Python runner listening on ${runner.url}\n`);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;
  throw new Error(`--port is "${text}"; give a number from 0 to 65535`);
}

function endWith(runner: Runner, withParent: boolean): void {
  const end = () => void runner.close().then(() => process.exit(0));
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
  if (withParent) process.stdin.once("end", end).once("error", end).resume();
}
