/** What a task's method and protocol name together: one spelling for each, and what the protocol says of it. */
import type { Protocol, ProtocolMethod } from "../contract/protocol.ts";

export type MethodName = { protocol: string; method: string };

const ALIASES: Record<string, string> = { "llm/generate": "llm/complete", "llm/embeddings": "llm/embed" };
const TOOL_PREFIX = "mcp/tool.";

/**
 * The full name. A method that does not begin with its protocol's name gets it; without a protocol a bare method is
 * python's, any other names its protocol itself.
 *
 * @example
 * nameMethod("echo", "echo/v1"); // { protocol: "echo/v1", method: "echo/echo" }
 */
export function nameMethod(method: string, protocol?: string): MethodName {
  const family =
    protocol !== undefined ? familyOf(protocol) : method.includes("/") ? familyOf(method) : "python";
  const full = method.startsWith(`${family}/`) ? method : `${family}/${method}`;
  return { protocol: protocol ?? `${family}/v1`, method: ALIASES[full] ?? full };
}

/**
 * What the protocol says of a method; of a tool that is not its own it says what holds for every tool (`mcp/tool.*`).
 * With a `server` named, a tool is that server's, whatever it is called.
 */
export function findMethod(
  protocol: Protocol,
  method: string,
  hasServer = false,
): ProtocolMethod | undefined {
  const isForeignTool = hasServer && method.startsWith(TOOL_PREFIX);
  if (!isForeignTool && !method.endsWith("*") && Object.hasOwn(protocol.methods, method))
    return protocol.methods[method];
  const generic = Object.keys(protocol.methods).find(
    (key) => key.endsWith("*") && method.startsWith(key.slice(0, -1)),
  );
  return generic === undefined || method.length < generic.length ? undefined : protocol.methods[generic];
}

/** The tool of `mcp/tool.NAME`. */
export function toolOf(method: string): string | undefined {
  return method.startsWith(TOOL_PREFIX) ? method.slice(TOOL_PREFIX.length) : undefined;
}

/** The tools that a protocol itself describes: those that are always there. */
export function toolsOf(protocol: Protocol): string[] {
  return Object.keys(protocol.methods)
    .flatMap((method) => toolOf(method) ?? [])
    .filter((tool) => tool !== "*");
}

/** `llm` of `llm/v1` and of `llm/chat`. */
export function familyOf(name: string): string {
  return name.split("/", 1)[0] ?? name;
}
