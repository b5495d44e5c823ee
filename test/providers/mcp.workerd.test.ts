import { createMcpHandler } from "@modelcontextprotocol/server";
import { expect, test } from "vitest";
import { MCP_SERVER } from "../../src/providers/mcp.ts";
import type { Context } from "../../src/providers/provider.ts";
import { weatherServer } from "./mcp-weather.ts";

test.each(["stateless", "session"])("in workerd a tool of a %s server is called", async (era) => {
  const handler = createMcpHandler(weatherServer);
  const methods: string[] = [];
  const reports: unknown[] = [];
  const context: Context = {
    signal: AbortSignal.timeout(10_000),
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const { method } = JSON.parse(await request.clone().text());
      methods.push(method);
      const isUnknown = era === "session" && method === "server/discover";
      return isUnknown ? new Response("what?", { status: 400 }) : handler.fetch(request);
    },
    emit: () => {},
    report: (progress) => void reports.push(progress),
    siblings: async () => [],
    idempotencyKey: "run_1:task:1",
    instance: { id: "one", url: `http://${era}.test/mcp` },
  };
  const call = { protocol: "mcp/v1", method: "mcp/tool.weather", params: { city: "Zürich" } };
  const { result } = await MCP_SERVER.execute(call, context);
  expect(result).toMatchObject({ response: "21 degrees in Zürich", degrees: 21 });
  methods.length = 0;
  await MCP_SERVER.execute({ ...call, method: "mcp/tool.slow" }, context);
  expect(methods).toEqual(["tools/call"]);
  expect(reports).toEqual([
    { progress: 1, total: 2, message: "half" },
    { progress: 2, total: 2 },
  ]);
});
