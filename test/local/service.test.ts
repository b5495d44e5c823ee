import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { startService } from "../../src/local/service.ts";
import { temporaryFolder } from "../e2e/process.ts";

const nowhere = { python: false, ollamaUrls: [], mcpUrls: [], pythonUrls: [], log: () => {} };

it("starts the MCP servers that belong to it, and ends them with itself", async () => {
  const stateFolder = temporaryFolder();
  const places: string[] = [];
  let closed = 0;
  const service = await startService({
    ...nowhere,
    port: 0,
    stateFolder,
    mcpServers: async (place) => {
      places.push(place.stateFolder);
      return { urls: { files: "http://127.0.0.1:9/mcp" }, close: async () => void closed++ };
    },
  });
  onTestFinished(() => service.close());
  expect(places).toEqual([stateFolder]);
  expect(existsSync(join(stateFolder, "secret-key"))).toBe(true);
  expect(closed).toBe(0);
  await service.close();
  expect(closed).toBe(1);
});

it("does not start where an address is none, and then leaves no MCP server behind", async () => {
  let closed = 0;
  const started = startService({
    ...nowhere,
    port: 0,
    stateFolder: temporaryFolder(),
    ollamaUrls: ["nowhere"],
    mcpServers: async () => ({ urls: {}, close: async () => void closed++ }),
  });
  await expect(started).rejects.toThrow("GLEITZEIT_OLLAMA_URLS, address 1: ");
  expect(closed).toBe(1);
});
