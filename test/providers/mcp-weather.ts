/** An MCP server made with the official library; it speaks every revision, and runs anywhere. */
import { inputRequired, McpServer } from "@modelcontextprotocol/server";
import * as z from "zod";

export function weatherServer(): McpServer {
  const server = new McpServer({ name: "weather", version: "3.1" });
  const city = z.string().meta({ "x-mcp-header": "City" });
  server.registerTool(
    "weather",
    {
      description: "How warm it is.",
      inputSchema: z.object({ city }),
      outputSchema: z.object({ city: z.string(), degrees: z.number() }),
    },
    async ({ city: name }) => ({
      content: [{ type: "text", text: `21 degrees in ${name}` }],
      structuredContent: { city: name, degrees: 21 },
    }),
  );
  server.registerTool("slow", { inputSchema: z.object({}) }, async (_, context) => {
    const progressToken = context.mcpReq._meta?.progressToken ?? "none";
    const notify = (params: { progress: number; message?: string }) =>
      context.mcpReq.notify({
        method: "notifications/progress",
        params: { ...params, progressToken, total: 2 },
      });
    await notify({ progress: 1, message: "half" });
    await notify({ progress: 2 });
    return { content: [{ type: "text", text: "done" }] };
  });
  server.registerTool("broken", { inputSchema: z.object({}) }, async () => ({
    content: [{ type: "text", text: "out of order" }],
    isError: true,
  }));
  server.registerTool("curious", { inputSchema: z.object({}) }, async () =>
    inputRequired({ requestState: "asked" }),
  );
  return server;
}
