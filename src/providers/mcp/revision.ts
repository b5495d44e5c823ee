/**
 * The revisions of MCP, and what a request of each carries. Since 2026-07-28 each request says all there is to say;
 * before, a session did, which `initialize` began. https://modelcontextprotocol.io/specification/versioning
 */
import type { JsonObject } from "../../contract/json.ts";
import { encodeHeader } from "./mirror.ts";

export const STATELESS_REVISION = "2026-07-28";
/** The newest first: it is the one that is offered. The last was meant for another transport; some servers say it. */
export const SESSION_REVISIONS = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] as const;

export const CLIENT: JsonObject = { name: "gleitzeit", version: "1" };
/** Nothing that a server could ask back: a task has nobody to ask. */
export const CAPABILITIES: JsonObject = {};

/** What is known of a server: data alone, since no object may use the streams of another. */
export type Connection = {
  era: "stateless" | "session";
  revision: string;
  /** Servers of the session revisions may do without. */
  sessionId?: string;
  server: JsonObject;
  capabilities: JsonObject;
  instructions?: string;
};

/** `mirrored` are arguments of a tool that stateless servers want as headers, too. */
export type Question = {
  method: string;
  params: JsonObject;
  meta?: JsonObject;
  mirrored?: Record<string, string>;
};

export function paramsFor({ era, revision }: Connection, { params, meta = {} }: Question): JsonObject {
  const envelope: JsonObject = {
    "io.modelcontextprotocol/protocolVersion": revision,
    "io.modelcontextprotocol/clientInfo": CLIENT,
    "io.modelcontextprotocol/clientCapabilities": CAPABILITIES,
  };
  const all = era === "stateless" ? { ...meta, ...envelope } : meta;
  return Object.keys(all).length === 0 ? params : { ...params, _meta: all };
}

export function headersFor(connection: Connection, question: Question): Record<string, string> {
  const headers: Record<string, string> = { accept: "application/json, text/event-stream" };
  // `initialize` is what agrees on a revision.
  if (question.method !== "initialize") headers["mcp-protocol-version"] = connection.revision;
  if (connection.sessionId !== undefined) headers["mcp-session-id"] = connection.sessionId;
  if (connection.era === "session") return headers;
  const name = nameIn(question);
  if (name !== undefined) headers["mcp-name"] = encodeHeader(name);
  return { ...headers, ...question.mirrored, "mcp-method": question.method };
}

function nameIn({ method, params }: Question): string | undefined {
  const name = method === "resources/read" ? params["uri"] : params["name"];
  const isNamed = ["tools/call", "prompts/get", "resources/read"].includes(method);
  return isNamed && typeof name === "string" ? name : undefined;
}
