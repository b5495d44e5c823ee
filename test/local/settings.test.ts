import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { addressesIn } from "../../src/addresses.ts";
import { secretKeyOf } from "../../src/local/secret-key.ts";
import { settingsFor, type Told } from "../../src/local/settings.ts";
import { temporaryFolder } from "../e2e/process.ts";

beforeEach(() => {
  for (const kind of ["OLLAMA", "MCP", "PYTHON"]) vi.stubEnv(`GLEITZEIT_${kind}_URLS`, undefined);
});
afterEach(() => vi.unstubAllEnvs());

const nothing: Told = {
  urls: {},
  runnerUrl: undefined,
  runnerSecret: undefined,
  mcpUrls: {},
  rootKey: undefined,
  secretKey: "k".repeat(64),
};
const addresses = (told: Partial<Told>) => addressesIn(settingsFor({ ...nothing, ...told }));

it("tells the Worker nothing of what is not set, so that it looks around itself", () => {
  expect(settingsFor(nothing)).toEqual({ GLEITZEIT_LOCAL: "1", GLEITZEIT_SECRET_KEY: nothing.secretKey });
  const auto = { urls: [], isAuto: true };
  expect(addresses({})).toEqual({ ollama: auto, mcp: auto, python: auto });
});

it("passes on what the environment says, and lists that are given stand for it", () => {
  vi.stubEnv("GLEITZEIT_OLLAMA_URLS", "gpu=http://10.0.0.5:11434,auto");
  vi.stubEnv("GLEITZEIT_MCP_URLS", "");
  vi.stubEnv("GLEITZEIT_PYTHON_URLS", "http://10.0.0.6:8765");
  const found = addresses({ urls: { python: [] } });
  expect(found.ollama).toEqual({ urls: [{ id: "gpu", url: "http://10.0.0.5:11434" }], isAuto: true });
  const none = { urls: [], isAuto: false };
  expect([found.mcp, found.python]).toEqual([none, none]);
});

it("puts its own runner first, and looks for others only where it is asked to: they would be sent scripts", () => {
  const runnerUrl = "http://127.0.0.1:4000";
  const own = { id: "python-1", url: runnerUrl };
  expect(addresses({ runnerUrl }).python).toEqual({ urls: [own], isAuto: false });
  vi.stubEnv("GLEITZEIT_PYTHON_URLS", "http://10.0.0.6:8765,auto");
  const other = { id: "python-2", url: "http://10.0.0.6:8765" };
  expect(addresses({ runnerUrl }).python).toEqual({ urls: [own, other], isAuto: true });
});

it("puts MCP servers of gleitzeit.yaml first, by their names, and goes on looking for others", () => {
  const mcpUrls = { files: "http://127.0.0.1:4001/a,b", web: "http://127.0.0.1:4002/mcp" };
  const own = [
    { id: "files", url: "http://127.0.0.1:4001/a%2Cb" },
    { id: "web", url: "http://127.0.0.1:4002/mcp" },
  ];
  expect(addresses({ mcpUrls }).mcp).toEqual({ urls: own, isAuto: true });
  vi.stubEnv("GLEITZEIT_MCP_URLS", "http://10.0.0.7/mcp");
  const other = { id: "mcp-1", url: "http://10.0.0.7/mcp" };
  expect(addresses({ mcpUrls }).mcp).toEqual({ urls: [...own, other], isAuto: false });
  expect(addresses({ mcpUrls, urls: { mcp: [] } }).mcp).toEqual({ urls: own, isAuto: false });
});

it("refuses what the environment says wrong before anything is told", () => {
  vi.stubEnv("GLEITZEIT_MCP_URLS", "files=http://10.0.0.7/mcp");
  const mcpUrls = { files: "http://127.0.0.1:4001/mcp" };
  expect(() => settingsFor({ ...nothing, mcpUrls })).toThrow('GLEITZEIT_MCP_URLS: "files" names another');
});

it("makes a secret key once for each state folder, which nobody else may read", () => {
  const folder = temporaryFolder();
  const key = secretKeyOf(folder);
  expect(key).toMatch(/^[0-9a-f]{64}$/);
  expect(secretKeyOf(folder)).toBe(key);
  const file = join(folder, "secret-key");
  expect(readFileSync(file, "utf8").trim()).toBe(key);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(secretKeyOf(temporaryFolder())).not.toBe(key);
  expect(() => secretKeyOf(folder, "short")).toThrow("GLEITZEIT_SECRET_KEY is too short");
});
