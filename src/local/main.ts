/** `npm start`: the whole service on this machine until it is told to stop. */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { parseKind } from "../runner/command.ts";
import { SANDBOX_KINDS } from "../runner/sandbox.ts";
import { startMcpServers } from "./mcp-servers.ts";
import { HOST_DEFAULT, PORT_DEFAULT, type ServiceOptions, startService } from "./service.ts";
import { untilSignal } from "./until-signal.ts";
import { userFolder } from "./user-folder.ts";

const STATE_DEFAULT = ".gleitzeit";
const USAGE = `usage: npm start -- [--port ${PORT_DEFAULT}] [--host ${HOST_DEFAULT}] [--state ${STATE_DEFAULT}] [--no-python]
                    [--sandbox KIND] [--network]

  --port       0 takes any free one
  --host       a loopback address; any, where GLEITZEIT_ROOT_KEY is set
  --state      the folder that runs are kept in; the same folder goes on where it was
  --no-python  without the Python runner; GLEITZEIT_PYTHON_URLS may name others
  --sandbox    how scripts are kept apart: ${SANDBOX_KINDS.join(", ")}; default: bubblewrap where it works
  --network    let scripts use the network

MCP servers that gleitzeit.yaml names in the folder you are in are started, and end with the service.
`;

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === "number") return options;
  untilSignal();
  try {
    const service = await startService(options);
    const stop = untilSignal();
    console.log(`Gleitzeit is at ${service.url} (state in ${options.stateFolder}; Ctrl-C stops it)`);
    await stop;
    await service.close();
    return 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
}

/** The options, or the code to exit with. */
function readOptions(): ServiceOptions | number {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: "string", default: String(PORT_DEFAULT) },
        host: { type: "string", default: HOST_DEFAULT },
        state: { type: "string" },
        "no-python": { type: "boolean", default: false },
        sandbox: { type: "string" },
        network: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(USAGE);
      return 0;
    }
    const stateFolder =
      values.state === undefined ? resolve(STATE_DEFAULT) : resolve(userFolder(), values.state);
    const rootKey = process.env["GLEITZEIT_ROOT_KEY"] || undefined;
    return {
      port: parsePort(values.port),
      host: values.host,
      stateFolder,
      python: !values["no-python"],
      network: values.network,
      ...(values.sandbox === undefined ? {} : { sandbox: parseKind(values.sandbox) }),
      mcpServers: (place) => startMcpServers({ folder: userFolder(), ...place }),
      rootKey,
    };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return 2;
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new Error(`--port is "${text}": give a number from 0 to 65535`);
}
