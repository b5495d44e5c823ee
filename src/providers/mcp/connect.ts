/** Getting to know a server: what it is, what it can, and which revision it speaks. */
import * as z from "zod";
import type { JsonObject } from "../../contract/json.ts";
import { LIMITS } from "../../contract/limits.ts";
import { junkAnswer, nameOf, ProviderError, quote } from "../failure.ts";
import type { Reach } from "../provider.ts";
import { exchange } from "./exchange.ts";
import { isOfSessionEra } from "./failure.ts";
import { parsedObject } from "./message.ts";
import { notify } from "./post.ts";
import { CAPABILITIES, CLIENT, type Connection, SESSION_REVISIONS, STATELESS_REVISION } from "./revision.ts";

/** One request to a stateless server; those of the session revisions take two more. */
export async function connect(reach: Reach): Promise<Connection> {
  return (await discover(reach)) ?? (await initialize(reach));
}

const discovery = z.object({
  supportedVersions: z.array(z.string()),
  capabilities: parsedObject.default({}),
  instructions: z.string().optional(),
  _meta: parsedObject.optional(),
});

async function discover(reach: Reach): Promise<Connection | undefined> {
  const connection: Connection = {
    era: "stateless",
    revision: STATELESS_REVISION,
    server: {},
    capabilities: {},
  };
  const result = await exchange(reach, connection, { method: "server/discover", params: {} }).then(
    (answer) => answer.result,
    (thrown: unknown) => {
      if (isOfSessionEra(thrown)) return undefined;
      throw thrown;
    },
  );
  const found = discovery.safeParse(result);
  if (!found.success || !found.data.supportedVersions.includes(STATELESS_REVISION)) return undefined;
  const { capabilities, instructions, _meta: meta = {} } = found.data;
  const server = parsedObject.safeParse(meta["io.modelcontextprotocol/serverInfo"]).data ?? {};
  return { ...connection, ...kept({ server, capabilities, instructions }) };
}

const welcome = z.object({
  protocolVersion: z.string(),
  serverInfo: parsedObject.default({}),
  capabilities: parsedObject.default({}),
  instructions: z.string().optional(),
});

async function initialize(reach: Reach): Promise<Connection> {
  const params: JsonObject = {
    protocolVersion: SESSION_REVISIONS[0],
    capabilities: CAPABILITIES,
    clientInfo: CLIENT,
  };
  const stranger: Connection = {
    era: "session",
    revision: SESSION_REVISIONS[0],
    server: {},
    capabilities: {},
  };
  const { result, sessionId } = await exchange(reach, stranger, { method: "initialize", params });
  const said = welcome.safeParse(result);
  if (!said.success) throw junkAnswer(reach, "an MCP server's welcome", JSON.stringify(result));
  const { protocolVersion: revision, serverInfo: server, capabilities, instructions } = said.data;
  checkRevision(reach, revision);
  const connection: Connection = {
    ...stranger,
    revision,
    ...kept({ server, capabilities, instructions }),
    ...(sessionId === undefined ? {} : { sessionId }),
  };
  await notify(reach, connection, { method: "notifications/initialized", params: {} });
  return connection;
}

// Of each server; 200 of them are remembered, and an isolate has 128 MB.
const INSTRUCTIONS_CHARS = 16 * 1024;
const CAPABILITIES_CHARS = 4 * 1024;
const SERVER_KEYS = ["name", "title", "version"];

type Said = { server: JsonObject; capabilities: JsonObject; instructions: string | undefined };

/** What is remembered of what a server says of itself. Too long a text goes: one that is cut holds on to all of it. */
function kept({ server, capabilities, instructions = "" }: Said): Pick<Connection, keyof Said> {
  const names = Object.entries(server).filter(
    ([key, value]) =>
      SERVER_KEYS.includes(key) && typeof value === "string" && value.length <= LIMITS.nameChars,
  );
  const areKept = instructions !== "" && instructions.length <= INSTRUCTIONS_CHARS;
  return {
    server: Object.fromEntries(names),
    capabilities: JSON.stringify(capabilities).length <= CAPABILITIES_CHARS ? capabilities : {},
    ...(areKept ? { instructions } : {}),
  };
}

function checkRevision(reach: Reach, revision: string): void {
  const known: readonly string[] = SESSION_REVISIONS;
  if (known.includes(revision)) return;
  const spoken = [STATELESS_REVISION, ...known].join(", ");
  const message = `${nameOf(reach)} speaks revision ${quote(reach, revision)} of MCP; Gleitzeit speaks ${spoken}`;
  throw new ProviderError("provider_rejected", message);
}
