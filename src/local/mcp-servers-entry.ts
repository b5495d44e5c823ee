/** One server of `gleitzeit.yaml`, in the shape of other MCP clients' files: checked, with its variables filled in. */
import { resolve } from "node:path";
import * as z from "zod";
import { LIMITS as CONTRACT } from "../contract/limits.ts";
import { resourceName } from "../contract/provider.ts";
import { LIMITS } from "./mcp-bridge-limits.ts";
import type { StdioServer } from "./mcp-bridge-process.ts";

export type McpServer = { name: string; server: StdioServer | { url: string } };
export type Problem = { path: (string | number)[]; message: string };

/** `folder` is that of the file: what relative paths mean. */
export type Place = { folder: string; environment: Record<string, string | undefined> };

type Report = { problem(path: Problem["path"], message: string): void; warning: Report["problem"] };

const scalar = z
  .union([z.string().regex(/^[^\0]*$/, "holds a NUL"), z.number(), z.boolean()], "give a text")
  .transform(String);
const text = z.string("give a text").regex(/^[^\0]+$/, "is empty, or holds a NUL");
const entry = z.looseObject({
  command: text.optional(),
  args: z.array(scalar).max(LIMITS.args).default([]),
  env: z.record(z.string().regex(/^[^=\0]+$/), scalar).default({}),
  cwd: text.optional(),
  url: text.max(CONTRACT.urlChars).optional(),
  disabled: z.boolean().default(false),
  type: z.string().optional(),
  headers: z.unknown().optional(),
});
type Entry = z.infer<typeof entry>;

/** Undefined where it is disabled, or where a problem was reported. */
export function parseEntry(
  name: string,
  given: unknown,
  place: Place,
  report: Report,
): McpServer | undefined {
  const parsed = entry.safeParse(given ?? {});
  checkName(name, report);
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) report.problem([name, ...path.map(keyOf)], message);
    return undefined;
  }
  if (parsed.data.disabled) return undefined;
  for (const key of Object.keys(parsed.data)) {
    if (!Object.hasOwn(entry.shape, key))
      report.warning([name, key], "this key is not known and is left out");
  }
  const fill = (text: string, ...path: Problem["path"]) =>
    fillIn(text, place.environment, (message) => report.problem([name, ...path], message));
  return { name, server: serverOf(name, parsed.data, { folder: place.folder, fill, report }) };
}

type Filling = { folder: string; fill(text: string, ...path: Problem["path"]): string; report: Report };

function serverOf(name: string, given: Entry, { folder, fill, report }: Filling): McpServer["server"] {
  checkKind(name, given, report);
  if (given.url !== undefined) {
    const url = fill(given.url, "url");
    if (!isHttp(url)) report.problem([name, "url"], `"${given.url}" is no http or https address`);
    return { url };
  }
  return {
    command: fill(given.command ?? "", "command"),
    args: given.args.map((text, index) => fill(text, "args", index)),
    env: Object.fromEntries(Object.entries(given.env).map(([key, text]) => [key, fill(text, "env", key)])),
    cwd: resolve(folder, fill(given.cwd ?? "", "cwd")),
  };
}

function checkName(name: string, { problem }: Report): void {
  const message = resourceName.safeParse(name).error?.issues[0]?.message;
  if (message === undefined) return;
  const slug = name.toLowerCase().replace(/[^a-z0-9_-]+/g, "-");
  const instead = slug.replace(/^[-_]+|-+$/g, "").slice(0, 64);
  problem([name], `the name ${message}${instead === "" ? "" : `; call it "${instead}"`}`);
}

function checkKind(name: string, given: Entry, { problem }: Report): void {
  const { command, url, type, env, headers } = given;
  if ((command === undefined) === (url === undefined)) {
    problem([name], "give either a command, which is then started, or the url of a server that runs");
  }
  if (headers !== undefined) {
    const message = "a file is no place for secrets: leave the server out, and register it with its headers";
    problem([name, "headers"], `${message} by PUT /v1/providers/${name}`);
  }
  if (type === "sse") {
    problem(
      [name, "type"],
      "the SSE transport of 2024 is not spoken; give the server's Streamable HTTP address",
    );
  }
  if (Object.keys(env).length > LIMITS.variables) {
    problem([name, "env"], `may have ${LIMITS.variables} variables at most`);
  }
}

/** `${NAME}`, or `${env:NAME}` as in VS Code's files. */
function fillIn(text: string, environment: Place["environment"], problem: (message: string) => void): string {
  return text.replaceAll(/\$\{([^}]*)\}/g, (whole, inside: string) => {
    const [, variable] = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)$/.exec(inside) ?? [];
    const value = variable === undefined ? undefined : environment[variable];
    if (value !== undefined) return value;
    problem(
      variable === undefined
        ? `${whole} is not known: only \${NAME} of an environment variable is filled in`
        : `the environment variable ${variable} is not set; set it before the service is started`,
    );
    return "";
  });
}

function isHttp(url: string): boolean {
  return ["http:", "https:"].includes(URL.parse(url)?.protocol ?? "");
}

const keyOf = (key: PropertyKey): string | number => (typeof key === "number" ? key : String(key));
