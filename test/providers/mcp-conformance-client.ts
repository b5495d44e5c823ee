/**
 * The client that `@modelcontextprotocol/conformance` tests: our provider, made to do what each scenario looks at.
 * It is run as `node mcp-conformance-client.ts URL`, with the scenario's name in MCP_CONFORMANCE_SCENARIO.
 */
import type { JsonObject } from "../../src/contract/json.ts";
import { MCP_SERVER } from "../../src/providers/mcp.ts";
import type { Context } from "../../src/providers/provider.ts";

const url = process.argv[2] ?? "";
const context: Context = {
  signal: AbortSignal.timeout(20_000),
  fetch,
  emit: () => {},
  report: () => {},
  siblings: async () => [],
  idempotencyKey: "run_1:task:1",
  instance: { id: "conformance", url },
};

const scenario = process.env["MCP_CONFORMANCE_SCENARIO"];
switch (scenario) {
  case "initialize":
    await MCP_SERVER.describe(context);
    break;
  case "tools_call":
    await call("mcp/tool.add_numbers", { a: 5, b: 3 });
    break;
  case "sse-retry":
    await call("mcp/tool.test_reconnection", {});
    break;
  default:
    throw new Error(`scenario "${scenario}": add what the client does in it`);
}

async function call(method: string, params: JsonObject): Promise<void> {
  const { result } = await MCP_SERVER.execute({ protocol: "mcp/v1", method, params }, context);
  console.log(JSON.stringify(result));
}
