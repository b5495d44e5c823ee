/** The providers there are: a new kind is a file, its test and a line here. */
import { BUILTIN } from "./builtin.ts";
import { JSONRPC } from "./jsonrpc.ts";
import { MCP_SERVER } from "./mcp.ts";
import { OLLAMA } from "./ollama.ts";
import type { Provider } from "./provider.ts";
import { PYTHON } from "./python.ts";

const PROVIDERS: Provider[] = [BUILTIN, OLLAMA, MCP_SERVER, PYTHON, JSONRPC];

export function findProvider(kind: string): Provider | undefined {
  return PROVIDERS.find((provider) => provider.kind === kind);
}
