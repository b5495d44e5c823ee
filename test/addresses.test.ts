import { expect, test } from "vitest";
import { addressesIn } from "../src/addresses.ts";

const ollama = (text: string | undefined) => addressesIn({ GLEITZEIT_OLLAMA_URLS: text }).ollama;

test("addresses are called by their kind and place, or as the setting says", () => {
  expect(ollama("http://a:11434, gpu=http://b:11434/x?key=1,http://c:11434/?a=b").urls).toEqual([
    { id: "ollama-1", url: "http://a:11434" },
    { id: "gpu", url: "http://b:11434/x?key=1" },
    { id: "ollama-2", url: "http://c:11434/?a=b" },
  ]);
  const found = addressesIn({
    GLEITZEIT_MCP_URLS: "http://a:3000/mcp",
    GLEITZEIT_PYTHON_URLS: "https://b.example.com",
  });
  expect([found.mcp.urls[0]?.id, found.python.urls[0]?.id]).toEqual(["mcp-1", "python-1"]);
});

test("a setting that is not set means the usual addresses, an empty one none, auto both", () => {
  expect(ollama(undefined)).toEqual({ urls: [], isAuto: true });
  expect(ollama("")).toEqual({ urls: [], isAuto: false });
  expect(ollama(" , ")).toEqual({ urls: [], isAuto: false });
  expect(ollama("http://a:1").isAuto).toBe(false);
  expect(ollama("http://a:1, auto")).toEqual({ urls: [{ id: "ollama-1", url: "http://a:1" }], isAuto: true });
});

test.each([
  ["nonsense", '"ollama-1" is no URL of http or https; write http://HOST:PORT, or NAME=http://HOST:PORT'],
  ["http://a:1, gpu=ftp://s3cr3t", 'address 2: "gpu" is no URL'],
  ["gpu=", '"gpu" is no URL'],
  ["Big GPU=http://a:1", '"Big GPU" is no name; use a-z, 0-9, _ and -'],
  ["=http://a:1", '"" is no name'],
  ["http://user:s3cr3t@a:1", '"ollama-1" has credentials in its URL; register it with headers'],
  [`http://a:1/${"s3cr3t".repeat(400)}`, '"ollama-1" is longer than 2000 characters'],
  ["a=http://a:1,a=http://b:1", '"a" names another address in GLEITZEIT_OLLAMA_URLS'],
  [Array.from({ length: 51 }, () => "http://a:1").join(), "names 51 addresses: 50 is the most"],
])("%s is refused by the name of its variable, and what may be secret is not said", (text, message) => {
  expect(() => ollama(text)).toThrow("GLEITZEIT_OLLAMA_URLS");
  expect(() => ollama(text)).toThrow(message);
  expect(() => ollama(text)).not.toThrow("s3cr3t");
});

test("a name is one instance's, whatever its protocol", () => {
  const both = { GLEITZEIT_MCP_URLS: "files=http://a:1", GLEITZEIT_PYTHON_URLS: "files=http://b:1" };
  expect(() => addressesIn(both)).toThrow(
    'GLEITZEIT_PYTHON_URLS: "files" names another address in GLEITZEIT_MCP_URLS',
  );
});
