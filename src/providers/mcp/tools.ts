/** The tools of a server: which there are, and whether a call suits the one that it names. */
import * as z from "zod";
import type { Json, JsonObject } from "../../contract/json.ts";
import { LIMITS } from "../../contract/limits.ts";
import { checkAgainstSchema, type Violation } from "../../spec/schema.ts";
import { explainSchema } from "../../spec/schema-usable.ts";
import { findNearest } from "../../spec/suggest.ts";
import { nameOf, ProviderError, quote } from "../failure.ts";
import type { Reach } from "../provider.ts";
import { isUnknownMethod } from "./failure.ts";
import { listAll } from "./lists.ts";
import { recallTools, rememberTools } from "./memory.ts";
import { parsedObject } from "./message.ts";
import { hasValidMarks } from "./mirror.ts";
import { connected } from "./server.ts";

const tool = z.object({
  name: z.string().min(1),
  description: z.string().nullish(),
  inputSchema: parsedObject,
  outputSchema: parsedObject.nullish(),
  annotations: z
    .object({ readOnlyHint: z.boolean().nullish(), idempotentHint: z.boolean().nullish() })
    .nullish(),
});
export type McpTool = z.infer<typeof tool>;
/** `isWhole`: there are no others. */
export type ToolList = { tools: McpTool[]; isWhole: boolean };

/** Asked for, whatever is remembered. */
export async function listTools(reach: Reach): Promise<ToolList> {
  const { era } = await connected(reach);
  const { tools: listed, nextCursor } = await listAll(reach, "tools").catch((thrown: unknown): JsonObject => {
    if (isUnknownMethod(thrown)) return { tools: [] };
    throw thrown;
  });
  const all = (Array.isArray(listed) ? listed : []).flatMap((item: Json) => tool.safeParse(item).data ?? []);
  const tools = all
    .filter(({ inputSchema }) => era === "session" || hasValidMarks(inputSchema))
    .slice(0, LIMITS.instanceTools);
  const list: ToolList = { tools, isWhole: nextCursor === undefined && tools.length === all.length };
  rememberTools(reach, list);
  return list;
}

/** Nothing where the server may have it without having named it. A tool that is new is looked for before it is unknown. */
export async function findTool(reach: Reach, name: string): Promise<McpTool | undefined> {
  const isNamed = (candidate: McpTool) => candidate.name === name;
  const remembered = recallTools(reach)?.tools.find(isNamed);
  if (remembered !== undefined) return remembered;
  const list = await listTools(reach);
  const found = list.tools.find(isNamed);
  if (found === undefined && list.isWhole) throw unknownTool(reach, name, list.tools);
  return found;
}

/** Tools that may be called twice: by their own hints. */
export function isRepeatable({ annotations }: McpTool): boolean {
  return annotations?.readOnlyHint === true || annotations?.idempotentHint === true;
}

export function checkArguments(reach: Reach, { name, inputSchema }: McpTool, given: JsonObject): void {
  const broken = findViolation(inputSchema, given, "arguments");
  if (broken === undefined) return;
  const message = `tool "${name}" of ${nameOf(reach)}: ${broken.message}`;
  throw new ProviderError("invalid_params", message, { details: { path: broken.path.join(".") } });
}

/** A structured answer keeps what the tool promises of it. */
export function checkPromise(reach: Reach, { name, outputSchema }: McpTool, said: JsonObject): void {
  const { structuredContent } = said;
  if (!outputSchema || structuredContent === undefined) return;
  const broken = findViolation(outputSchema, structuredContent, "structuredContent");
  if (broken === undefined) return;
  const message = `tool "${name}" of ${nameOf(reach)} breaks its own outputSchema: ${quote(reach, broken.message)}`;
  throw new ProviderError("invalid_result", message);
}

function findViolation(schema: JsonObject, value: Json, name: string): Violation | undefined {
  // A schema that cannot be used, or not without end, is the server's: it checks by itself.
  if (explainSchema(schema, name) !== undefined) return undefined;
  return checkAgainstSchema(schema, value, { name }).find(({ keyword }) => keyword !== "schema");
}

// Names in a message; a server may have thousands.
const NAMES_SHOWN = 20;

function unknownTool(reach: Reach, name: string, tools: McpTool[]): ProviderError {
  const names = tools.map((known) => known.name);
  const nearest = findNearest(name, names);
  const meant = nearest === undefined ? "." : `; did you mean "${nearest}"?`;
  const rest = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "";
  const there = names.length === 0 ? "none" : names.slice(0, NAMES_SHOWN).join(", ") + rest;
  return new ProviderError(
    "unknown_tool",
    `${nameOf(reach)} has no tool "${name}"${meant} There are: ${there}`,
  );
}
