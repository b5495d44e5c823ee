/** docs/mcp-servers.md: its file is one that is read, its tasks complete, and what it lists is all there is. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import * as z from "zod";
import { providerRequest } from "../../src/contract/provider.ts";
import { startMcpServers } from "../../src/local/mcp-servers.ts";
import { readMcpServers } from "../../src/local/mcp-servers-file.ts";
import { SESSION_REVISIONS, STATELESS_REVISION } from "../../src/providers/mcp/revision.ts";
import { ROOT, temporaryFolder } from "../e2e/process.ts";
import { serviceForFile } from "../e2e/service.ts";
import { EVERYTHING } from "../providers/mcp-everything-server.ts";
import { codesIn, findPage } from "./markdown.ts";

const { text, blocks } = findPage("docs/mcp-servers.md");
const [file = "", tasks = ""] = blocks.flatMap((block) => (block.language === "yaml" ? [block.text] : []));
const folder = temporaryFolder(afterAll);
const say = (content: string) => writeFileSync(join(folder, "gleitzeit.yaml"), content);

// The package as it is installed here, and not as the registry has it now.
const server = { command: process.execPath, args: [EVERYTHING] };
say(JSON.stringify({ mcpServers: { everything: server } }));
const client = await serviceForFile({
  python: false,
  log: () => {},
  mcpServers: (place) => startMcpServers({ folder, ...place }),
});

it("shows a file that is read without a warning", () => {
  const place = { folder, environment: { HOME: "/home/me", NOTES_KEY: "secret" } };
  say(file);
  expect(readMcpServers(place, expect.unreachable)).toMatchObject([
    {
      name: "everything",
      server: { command: "npx", args: ["-y", "@modelcontextprotocol/server-everything"], cwd: folder },
    },
    { name: "search", server: { url: "http://127.0.0.1:4002/mcp" } },
  ]);
  say(file.replace("disabled: true", ""));
  expect(readMcpServers(place, expect.unreachable)[1]).toEqual({
    name: "notes",
    server: {
      command: "./notes-server.py",
      args: ["--folder", "/home/me/notes"],
      env: { NOTES_KEY: "secret" },
      cwd: join(folder, "tools"),
    },
  });
});

it("shows tasks that complete with the server that it shows", async () => {
  const workflow = `name: tools\ninputs: { city: { default: Bern } }\ntasks:\n${tasks}`;
  const run = await client.submit({ workflow }, { waitSeconds: 30 });
  expect(run).toMatchObject({
    status: "completed",
    outputs: {
      report: { response: "Echo: 36 degrees" },
      manual: { contents: [{}] },
      question: { messages: [{ content: { text: "What's weather in Bern?" } }] },
    },
  });
});

it("registers a server with headers, as the service takes it", () => {
  const [, body = ""] = /<<END\n([\s\S]*?)\nEND/.exec(text) ?? [];
  expect(providerRequest.parse(JSON.parse(body))).toMatchObject({ kind: "mcp", protocol: "mcp/v1" });
});

it("names all variables that a server gets, and all revisions", () => {
  const source = readFileSync(join(ROOT, "src/local/mcp-bridge-process.ts"), "utf8");
  const [, list = "[]"] = /const INHERITED = (\[.*?\]);/s.exec(source) ?? [];
  const inherited = z.array(z.string()).parse(JSON.parse(list));
  const [paragraph = ""] = /^- A server gets [\s\S]*?nothing else/m.exec(text) ?? [];
  expect(codesIn(paragraph)).toEqual([...inherited, "env"]);
  const revisions = /^Spoken are the revisions .*/m.exec(text)?.[0].match(/\d{4}-\d\d-\d\d/g);
  expect(revisions).toEqual([STATELESS_REVISION, ...SESSION_REVISIONS]);
});
