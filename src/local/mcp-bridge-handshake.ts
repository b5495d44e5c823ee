/** The handshake of MCP up to revision 2025-11-25, made once for all clients of a bridge. */
import * as z from "zod";
import project from "../../package.json" with { type: "json" };
import { isJsonObject } from "../contract/json.ts";
import type { Message, Request } from "./mcp-bridge-message.ts";

const handshake = z.looseObject({
  protocolVersion: z.string(),
  capabilities: z.record(z.string(), z.unknown()).default({}),
});
export type Handshake = z.infer<typeof handshake>;

/** What needs a way to a client outside of its requests, which a bridge does not have. */
const UNHEARD = ["listChanged", "subscribe"];

/** No capabilities: nothing can be asked of Gleitzeit by its servers. */
export const INITIALIZE: Request = {
  jsonrpc: "2.0",
  id: 0,
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: project.name, version: project.version },
  },
};

/** What clients are told; undefined where the server refuses, since it has no handshake (revision 2026-07-28). */
export function parseHandshake(answer: Message): Handshake | undefined {
  const parsed = handshake.safeParse(answer["result"]).data;
  if (parsed === undefined) return undefined;
  const capabilities = Object.entries(parsed.capabilities).map(([name, value]) => [name, heard(value)]);
  return { ...parsed, capabilities: Object.fromEntries(capabilities) };
}

function heard(capability: unknown): unknown {
  if (!isJsonObject(capability)) return capability;
  return Object.fromEntries(Object.entries(capability).filter(([name]) => !UNHEARD.includes(name)));
}
