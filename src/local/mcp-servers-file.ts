/** `gleitzeit.yaml`: which MCP servers belong to the service on this machine. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isNode, LineCounter, parseDocument } from "yaml";
import { isJsonObject } from "../contract/json.ts";
import { LIMITS as CONTRACT } from "../contract/limits.ts";
import { LIMITS } from "./mcp-bridge-limits.ts";
import { type McpServer, type Place, type Problem, parseEntry } from "./mcp-servers-entry.ts";

const FILE = "gleitzeit.yaml";
/** The first is that of other clients' files, the second how Gleitzeit writes its own keys. */
const KEYS = ["mcpServers", "mcp_servers"];

/**
 * The servers of the folder's file, none where there is no file. Throws with all that is wrong in it, a line each;
 * `warn` gets what is only left out.
 */
export function readMcpServers(place: Place, warn: (line: string) => void): McpServer[] {
  const file = join(place.folder, FILE);
  const text = readText(file);
  return text === undefined ? [] : parseMcpServers(text, file, place, warn);
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

function parseMcpServers(text: string, file: string, place: Place, warn: (line: string) => void) {
  if (Buffer.byteLength(text) > CONTRACT.yamlBytes) {
    throw new Error(`${file} has more than ${CONTRACT.yamlBytes} bytes`);
  }
  const { content, lineOf } = parseYaml(text, file);
  const problems: string[] = [];
  const lineFor = ({ path, message }: Problem) =>
    `${file}:${lineOf(path)}: ${path.length === 0 ? "" : `${path.join(".")}: `}${message}`;
  const problem = (path: Problem["path"], message: string) => problems.push(lineFor({ path, message }));
  const warning = (path: Problem["path"], message: string) => warn(lineFor({ path, message }));
  const servers = serversIn(content, place, { problem, warning });
  if (problems.length > 0) throw new Error(problems.slice(0, CONTRACT.problems).join("\n"));
  return servers;
}

type Reported = (path: Problem["path"], message: string) => void;

function serversIn(content: unknown, place: Place, report: { problem: Reported; warning: Reported }) {
  if (content === null || content === undefined) return []; // an empty file
  if (!isJsonObject(content)) {
    report.problem([], "give keys and values, such as mcpServers: {}");
    return [];
  }
  for (const key of Object.keys(content)) {
    if (!KEYS.includes(key)) report.warning([key], "this key is not known and is left out");
  }
  const [key = "", another] = KEYS.filter((name) => Object.hasOwn(content, name));
  if (another !== undefined) report.problem([another], `${key} is given, too: put all servers below it`);
  const servers = content[key] ?? {};
  if (!isJsonObject(servers)) {
    report.problem([key], "give the servers by name: { files: { command: npx, args: [...] } }");
    return [];
  }
  const entries = Object.entries(servers);
  if (entries.length > LIMITS.servers) report.problem([key], `may name ${LIMITS.servers} servers at most`);
  const below: typeof report = {
    problem: (path, message) => report.problem([key, ...path], message),
    warning: (path, message) => report.warning([key, ...path], message),
  };
  return entries.flatMap(([name, given]) => parseEntry(name, given, place, below) ?? []);
}

function parseYaml(text: string, file: string) {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw new Error(`${file}:${lines.linePos(error.pos[0]).line}: ${error.message}`);
  /** Of the innermost that is there. */
  function lineOf(path: Problem["path"]): number {
    const node = path.length === 0 ? document.contents : document.getIn(path, true);
    if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    return path.length === 0 ? 1 : lineOf(path.slice(0, -1));
  }
  const content: unknown = document.toJS(); // throws where aliases would multiply
  return { content, lineOf };
}
