/** The protocols that are always there. */
import type { Protocol, ProtocolMethod } from "../../contract/protocol.ts";
import * as methods from "../../spec/methods.ts";
import { ECHO } from "./echo.ts";
import { LLM } from "./llm.ts";
import { MCP } from "./mcp.ts";
import { PYTHON } from "./python.ts";

export const PROTOCOLS: Protocol[] = [LLM, PYTHON, MCP, ECHO];

/** What a protocol says of a method; `hasServer`: the task names the MCP server whose tool it wants. */
export function findMethod(protocol: string, method: string, hasServer = false): ProtocolMethod | undefined {
  const found = PROTOCOLS.find(({ name }) => name === protocol);
  return found === undefined ? undefined : methods.findMethod(found, method, hasServer);
}
