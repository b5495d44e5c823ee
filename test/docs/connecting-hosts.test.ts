/** docs/connecting-hosts.md: what it registers can be registered, and what it quotes is what is said. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { providerRequest } from "../../src/contract/provider.ts";
import { checkUrl } from "../../src/providers/guard.ts";
import { sealHeaders } from "../../src/providers/secret.ts";
import { ROOT } from "../e2e/process.ts";
import { findPage } from "./markdown.ts";

const { text, blocks } = findPage("docs/connecting-hosts.md");
const sealing = { context: "llm/v1 gpu-1" };

it("registers an instance that passes the guard, with headers that can be kept", async () => {
  const [, body = ""] = /<<END\n([\s\S]*?)\nEND/.exec(text) ?? [];
  const { url, headers = {} } = providerRequest.parse(JSON.parse(body));
  expect(checkUrl(url, { isLocal: false }).href).toBe(`${url}/`);
  const key = "x".repeat(32);
  expect(await sealHeaders(headers, { ...sealing, key })).toMatch(/^v1\./);
});

it.each(["127.0.0.1", "192.168.1.20", "gpu-1.local"])("names an address that is refused: %s", (host) => {
  expect(text).toContain(`\`${host}\``);
  expect(() => checkUrl(`http://${host}/`, { isLocal: false })).toThrow("docs/connecting-hosts.md");
});

it("sets the key as the error without one says", async () => {
  const command = blocks.find((block) => block.text.includes("GLEITZEIT_SECRET_KEY"))?.text.trim() ?? "?";
  await expect(sealHeaders({}, { ...sealing, key: undefined })).rejects.toThrow(command);
});

it("names the locations that are known, all of them", () => {
  const source = readFileSync(join(ROOT, "src/settings.ts"), "utf8");
  const [, list = ""] = /const LOCATIONS = \[(.*?)\]/s.exec(source) ?? [];
  const known = [...list.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name);
  expect(known).toHaveLength(9);
  expect(known.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});
