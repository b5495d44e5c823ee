/** A stdio MCP server of revision 2026-07-28 alone, which refuses a handshake. Run by `node`, not by vitest. */
import { McpServer } from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import * as z from "zod";

serveStdio(
  () => {
    const server = new McpServer({ name: "stateless", version: "1" }, { capabilities: { tools: {} } });
    const inputSchema = z.object({ name: z.string() });
    server.registerTool("greet", { inputSchema }, async ({ name }, context) => {
      const progressToken = context.mcpReq._meta?.progressToken;
      const params = { progress: 1, total: 1 };
      if (progressToken !== undefined) {
        await context.mcpReq.notify({
          method: "notifications/progress",
          params: { ...params, progressToken },
        });
      }
      return { content: [{ type: "text", text: `Hello ${name}` }] };
    });
    return server;
  },
  { legacy: "reject" },
);
