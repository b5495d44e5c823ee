/** What `gleitzeit.yaml` may say of MCP servers. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readMcpServers } from "../../src/local/mcp-servers-file.ts";
import { temporaryFolder } from "../e2e/process.ts";

const environment = { TOKEN: "t0ken", PORT: "8080" };

it("reads commands, as other clients' files name them, and addresses", () => {
  const { servers, folder, warnings } = read(`
mcpServers:
  files: { command: npx, args: [-y, some-server, 3], env: { KEY: value, DEBUG: true } }
  here: { command: ./server.py, cwd: tools, type: stdio }
  far: { url: "https://example.com/mcp", type: http }
  off: { command: x, disabled: true, env: { A: "\${UNSET}" } }
`);
  const env = { KEY: "value", DEBUG: "true" };
  expect(servers).toEqual([
    { name: "files", server: { command: "npx", args: ["-y", "some-server", "3"], env, cwd: folder } },
    { name: "here", server: { command: "./server.py", args: [], env: {}, cwd: join(folder, "tools") } },
    { name: "far", server: { url: "https://example.com/mcp" } },
  ]);
  expect(warnings).toEqual([]);
});

it("takes the key mcp_servers, an empty file, and no file, as no servers where there are none", () => {
  expect(read("mcp_servers: { a: { command: b } }").servers.map(({ name }) => name)).toEqual(["a"]);
  expect(read("").servers).toEqual([]);
  expect(read("mcpServers:\n").servers).toEqual([]);
  expect(readMcpServers({ folder: temporaryFolder(), environment }, expect.unreachable)).toEqual([]);
});

it("fills in variables of the environment in every text", () => {
  const { servers } = read(`
mcpServers:
  a: { command: "\${TOKEN}/run", args: ["--port=\${PORT}"], env: { KEY: "\${env:TOKEN}-\${PORT}", PLAIN: $TOKEN } }
  b: { url: "http://127.0.0.1:\${PORT}/mcp" }
`);
  expect(servers.map(({ server }) => server)).toEqual([
    expect.objectContaining({
      command: "t0ken/run",
      args: ["--port=8080"],
      env: { KEY: "t0ken-8080", PLAIN: "$TOKEN" },
    }),
    { url: "http://127.0.0.1:8080/mcp" },
  ]);
});

it("warns of keys that it does not know, by line", () => {
  const { warnings } = read("other: 1\nmcpServers:\n  a:\n    command: b\n    autoApprove: [x]\n");
  expect(warnings).toEqual([
    "gleitzeit.yaml:1: other: this key is not known and is left out",
    "gleitzeit.yaml:5: mcpServers.a.autoApprove: this key is not known and is left out",
  ]);
});

it.each([
  [
    "a name that cannot stand in a URL",
    "mcpServers:\n  My Files: { command: a }",
    '2: mcpServers.My Files: the name must be a-z, 0-9, _ and -, at most 64, and begin with a letter or digit; call it "my-files"',
  ],
  [
    "an unset variable",
    "mcpServers:\n  a:\n    command: b\n    env:\n      K: ${NOPE}",
    "5: mcpServers.a.env.K: the environment variable NOPE is not set; set it before the service is started",
  ],
  [
    "another kind of variable",
    "mcpServers:\n  a:\n    command: b\n    args:\n    - ${input:key}",
    "5: mcpServers.a.args.0: ${input:key} is not known: only ${NAME} of an environment variable is filled in",
  ],
  [
    "neither command nor url",
    "mcpServers:\n  a: {}",
    "2: mcpServers.a: give either a command, which is then started, or the url of a server that runs",
  ],
  [
    "both",
    "mcpServers:\n  a: { command: b, url: 'http://c' }",
    "2: mcpServers.a: give either a command, which is then started, or the url of a server that runs",
  ],
  [
    "headers",
    "mcpServers:\n  a:\n    url: http://c\n    headers: { Authorization: x }",
    "4: mcpServers.a.headers: a file is no place for secrets: leave the server out, and register it with its headers by PUT /v1/providers/a",
  ],
  [
    "another scheme",
    "mcpServers:\n  a: { url: 'ftp://c' }",
    '2: mcpServers.a.url: "ftp://c" is no http or https address',
  ],
  [
    "the old transport",
    "mcpServers:\n  a: { url: 'http://c', type: sse }",
    "2: mcpServers.a.type: the SSE transport of 2024 is not spoken; give the server's Streamable HTTP address",
  ],
  [
    "a list of servers",
    "mcpServers:\n- a",
    "2: mcpServers: give the servers by name: { files: { command: npx, args: [...] } }",
  ],
  ["a list", "- a", "1: give keys and values, such as mcpServers: {}"],
  [
    "both keys",
    "mcpServers: {}\nmcp_servers: {}",
    "2: mcp_servers: mcpServers is given, too: put all servers below it",
  ],
  [
    "a nested variable",
    "mcpServers:\n  a:\n    command: b\n    env:\n      K: {}",
    "5: mcpServers.a.env.K: give a text",
  ],
])("refuses %s, with its line", (_what, text, message) => {
  expect(() => read(text)).toThrow(`gleitzeit.yaml:${message}`);
});

it("names all that is wrong at once, and the line of what is no YAML", () => {
  const text = "mcpServers:\n  a: {}\n  b: { command: [] }\n";
  expect(() => read(text)).toThrow(/^\S*:2: mcpServers\.a: .*\n\S*:3: mcpServers\.b\.command: .*$/);
  expect(() => read("mcpServers:\n  a: {\n")).toThrow(/gleitzeit\.yaml:\d: .*flow/i);
});

it("refuses more than 50 servers, and a file of more than a megabyte", () => {
  const many = Array.from({ length: 51 }, (_, index) => `  s${index}: { command: a }\n`).join("");
  expect(() => read(`mcpServers:\n${many}`)).toThrow("mcpServers: may name 50 servers at most");
  expect(() => read(`#${"x".repeat(1024 * 1024)}`)).toThrow("has more than 1048576 bytes");
});

function read(text: string) {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "gleitzeit.yaml"), text);
  const warnings: string[] = [];
  const warn = (line: string) => warnings.push(line.replace(`${folder}/`, ""));
  return { servers: readMcpServers({ folder, environment }, warn), folder, warnings };
}
