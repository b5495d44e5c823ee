/** Arguments that a tool's schema wants in headers as well (`x-mcp-header`), so that what stands between can route. */
import { isJsonObject, type Json, type JsonObject, ownValue } from "../../contract/json.ts";
import { LIMITS } from "../../contract/limits.ts";
import { isHeaderName } from "../header-name.ts";

/** The headers of a call of the tool with this schema. */
export function mirrorArguments(schema: JsonObject, given: JsonObject): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { path, name } of findMirrored(schema)) {
    const text = asText(valueAt(given, path));
    if (text !== undefined) headers[`mcp-param-${name.toLowerCase()}`] = encodeHeader(text);
  }
  return headers;
}

/** Servers refuse calls of tools whose marks break the rules, so such tools must not be offered. */
export function hasValidMarks(schema: JsonObject): boolean {
  const found = findMirrored(schema);
  const names = new Set(found.map(({ name }) => name.toLowerCase()));
  return (
    names.size === found.length && found.every(({ name, type }) => isHeaderName(name) && TYPES.has(type))
  );
}

/** As it may stand in a header: base64, marked as such, where it is not plain ASCII. */
export function encodeHeader(text: string): string {
  const isPlain = /^[\x20-\x7e\t]+$/.test(text) && text === text.trim() && !/^=\?base64\?.*\?=$/.test(text);
  if (isPlain) return text;
  const bytes = new TextEncoder().encode(text);
  return `=?base64?${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}?=`;
}

const TYPES = new Set<Json | undefined>(["string", "integer", "boolean"]);

type Mirrored = { path: string[]; name: string; type: Json | undefined };

function findMirrored(schema: JsonObject, path: string[] = []): Mirrored[] {
  const properties = schema["properties"];
  if (!isJsonObject(properties) || path.length > LIMITS.depth) return [];
  return Object.entries(properties).flatMap(([key, property]) => {
    if (!isJsonObject(property)) return [];
    const here = [...path, key];
    const mark = property["x-mcp-header"];
    const inside = findMirrored(property, here);
    return mark === undefined
      ? inside
      : [{ path: here, name: String(mark), type: property["type"] }, ...inside];
  });
}

function valueAt(value: JsonObject, path: string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const key of path) at = isJsonObject(at) ? ownValue(at, key) : undefined;
  return at;
}

function asText(value: Json | undefined): string | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : undefined;
  return typeof value === "string" || typeof value === "boolean" ? String(value) : undefined;
}
