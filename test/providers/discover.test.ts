import { expect, test } from "vitest";
import { addressesIn } from "../../src/addresses.ts";
import { resourceName } from "../../src/contract/provider.ts";
import {
  candidatesOf,
  configuredInstances,
  discoveredInstance,
  kindOf,
} from "../../src/providers/discover.ts";

const settings = (environment: Parameters<typeof addressesIn>[0] = {}, isLocal = true) => ({
  isLocal,
  addresses: addressesIn(environment),
});

test("each protocol with instances to be found has its kind", () => {
  expect(["llm/v1", "mcp/v1", "python/v1", "echo/v1", "acme/v1"].map(kindOf)).toEqual([
    "ollama",
    "mcp",
    "python",
    undefined,
    undefined,
  ]);
});

test("in local mode the usual addresses on this machine are looked at", () => {
  const urls = (protocol: string) => candidatesOf(protocol, settings()).map(({ url }) => url);
  expect(urls("llm/v1")).toEqual(
    [11434, 11435, 11436, 11437, 11438].map((port) => `http://127.0.0.1:${port}`),
  );
  expect(urls("mcp/v1")).toEqual(["http://127.0.0.1:3000/mcp", "http://127.0.0.1:3001/mcp"]);
  expect(urls("python/v1")).toEqual(["http://127.0.0.1:8765"]);
  expect(urls("echo/v1")).toEqual([]);
});

test("nothing is looked at where a setting names addresses, where it is empty, or away from this machine", () => {
  const looked = (text: string | undefined, isLocal = true) =>
    candidatesOf("llm/v1", settings({ GLEITZEIT_OLLAMA_URLS: text }, isLocal)).length;
  expect([looked("http://a:1"), looked(""), looked(undefined, false), looked("auto", false)]).toEqual([
    0, 0, 0, 0,
  ]);
  expect([looked("auto"), looked("http://a:1,auto")]).toEqual([5, 5]);
});

test("what settings name is there by configuration", () => {
  const named = settings({ GLEITZEIT_MCP_URLS: "files=http://a:1/mcp,http://b:1/mcp" }, false);
  expect(configuredInstances("mcp/v1", named)).toEqual([
    {
      id: "files",
      kind: "mcp",
      url: "http://a:1/mcp",
      source: "configured",
      weight: 1,
      tags: [],
      allowPull: false,
    },
    {
      id: "mcp-1",
      kind: "mcp",
      url: "http://b:1/mcp",
      source: "configured",
      weight: 1,
      tags: [],
      allowPull: false,
    },
  ]);
  expect(configuredInstances("llm/v1", named)).toEqual([]);
  expect(configuredInstances("echo/v1", named)).toEqual([]);
});

test.each([
  ["ollama", "http://127.0.0.1:11434", "ollama-127-0-0-1-11434"],
  ["mcp", "http://127.0.0.1:3000/mcp", "mcp-127-0-0-1-3000"],
  ["mcp", "http://127.0.0.1:3000/other/mcp", "mcp-127-0-0-1-3000-other-mcp"],
  ["python", "https://Runner.example.com/", "python-runner-example-com-443"],
  ["ollama", "http://[::1]:11434", "ollama-1-11434"],
] as const)("who is found as %s at %s is always the same instance", (kind, url, id) => {
  const spec = discoveredInstance({ kind, url, offering: { models: ["a:latest"] } });
  expect(spec).toEqual({ id, kind, url, source: "discovered", weight: 1, tags: [], allowPull: false });
});

test("long addresses have names that can be used, and that differ", () => {
  const url = (end: string) => `http://${"long.".repeat(30)}example.com:11434/${end}`;
  const [one, two] = ["a", "b"].map(
    (end) => discoveredInstance({ kind: "ollama", url: url(end), offering: {} }).id,
  );
  expect(resourceName.safeParse(one).success).toBe(true);
  expect(one).not.toBe(two);
});
