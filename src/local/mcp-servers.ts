/** The MCP servers of `gleitzeit.yaml`: those that speak stdio are started, and end with the service. */
import { startBridge } from "./mcp-bridge.ts";
import { endOrphanedServers, noteServers } from "./mcp-bridge-orphans.ts";
import { readMcpServers } from "./mcp-servers-file.ts";

export type McpServersOptions = {
  /** Where `gleitzeit.yaml` is, if there is one. */
  folder: string;
  /** Gets what the servers write to their standard error, and what is wrong with them. */
  log: (line: string) => void;
  /** Whose lock the caller holds: there it is noted what is to be ended should the service be killed. */
  stateFolder?: string;
  /** What `${NAME}` in the file means; default: that of this process. */
  environment?: Record<string, string | undefined>;
};

export type McpServers = {
  /** Addresses of Streamable HTTP by the servers' names; those of stdio servers are secret, and new at each start. */
  urls: Record<string, string>;
  close(): Promise<void>;
};

/**
 * Resolves when the addresses are there; a server that still starts, or cannot, answers there with 503. Throws where the
 * file is wrong.
 *
 * @example
 * const { urls, close } = await startMcpServers({ folder: process.cwd(), log: console.error });
 */
export async function startMcpServers(options: McpServersOptions): Promise<McpServers> {
  const { folder, log, stateFolder, environment = process.env } = options;
  if (stateFolder !== undefined) endOrphanedServers(stateFolder);
  const servers = readMcpServers({ folder, environment }, log);
  const keeping = stateFolder === undefined ? { log } : { log, note: noteServers(stateFolder) };
  const urls: Record<string, string> = {};
  const closers: (() => Promise<void>)[] = [];
  const close = async () => void (await Promise.all(closers.map((closer) => closer())));
  try {
    for (const { name, server } of servers) {
      const { url, close: closer } =
        "url" in server ? named(server) : await startBridge(name, server, keeping);
      urls[name] = url;
      closers.push(closer);
    }
    return { urls, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Somebody else's: it runs already, and goes on. */
const named = ({ url }: { url: string }) => ({ url, close: async () => {} });
