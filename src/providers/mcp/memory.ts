/**
 * What this isolate remembers of servers, so that a call costs one request and not four. Data alone: streams and
 * signals belong to the object that made them.
 */
import { LIMITS } from "../../contract/limits.ts";
import type { Reach } from "../provider.ts";
import type { Connection } from "./revision.ts";
import type { ToolList } from "./tools.ts";

type Known = {
  connection: Connection;
  until: number;
  tools?: { list: ToolList; until: number; chars: number };
};

const known = new Map<string, Known>();

// A session is used for long: a new one each minute would fill the server. One that the server has forgotten is
// noticed; that a server has learned the stateless revision is not, before this time has passed.
const CONNECTION_MS = 3_600_000;
// A tool that was changed is called by its old schema for so long. A new one is found at once.
const TOOLS_MS = 60_000;
// Schemas that are kept, of one server and of all; an isolate has 128 MB.
const TOOLS_CHARS = 512 * 1024;
const ALL_TOOLS_CHARS = 4 * 1024 * 1024;

export function recall(reach: Reach): Connection | undefined {
  return find(reach)?.connection;
}

export function recallTools(reach: Reach): ToolList | undefined {
  const tools = find(reach)?.tools;
  return tools !== undefined && tools.until > Date.now() ? tools.list : undefined;
}

/** The tools that are remembered stay so, until {@link forget}. */
export function remember(reach: Reach, connection: Connection): void {
  const key = keyOf(reach);
  const before = known.get(key);
  known.delete(key);
  known.set(key, { ...before, connection, until: Date.now() + CONNECTION_MS });
  const [oldest] = known.keys();
  if (known.size > LIMITS.instances && oldest !== undefined) known.delete(oldest);
}

export function rememberTools(reach: Reach, list: ToolList): void {
  const entry = find(reach);
  const chars = JSON.stringify(list.tools).length;
  if (entry === undefined || chars > TOOLS_CHARS) return;
  entry.tools = { list, until: Date.now() + TOOLS_MS, chars };
  makeRoom();
}

export function forget(reach: Reach): void {
  known.delete(keyOf(reach));
}

function find(reach: Reach): Known | undefined {
  const entry = known.get(keyOf(reach));
  return entry !== undefined && entry.until > Date.now() ? entry : undefined;
}

/** What a server shows may depend on who asks. */
function keyOf({ instance: { url, headers = {} } }: Reach): string {
  return JSON.stringify([url, Object.entries(headers).sort()]);
}

/** The lists of the servers that were met last are kept. */
function makeRoom(): void {
  let chars = 0;
  for (const entry of [...known.values()].reverse()) {
    chars += entry.tools?.chars ?? 0;
    if (chars > ALL_TOOLS_CHARS) delete entry.tools;
  }
}
