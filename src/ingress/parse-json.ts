/** JSON that somebody sent: measured before it is parsed, and with a place where it is malformed. */
import type { Json } from "../contract/json.ts";
import { findJsonFault } from "./json-fault.ts";
import { issueAt, RequestError } from "./problem.ts";

type Position = { line: number; column: number };

/** Throws `invalid_request` with line and column. */
export function parseJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    const fault = findJsonFault(text);
    const position = positionAt(text, fault);
    const found =
      fault >= text.length ? "it ends too early" : `unexpected ${JSON.stringify(charAt(text, fault))}`;
    const message = `the body is not JSON: ${found} at line ${position.line}, column ${position.column}`;
    throw new RequestError("invalid_request", message, [
      { ...issueAt("", message, "json_syntax"), ...position },
    ]);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Where a text first has more than `most` lists and objects in each other; it need not be JSON. */
export function findTooDeep(text: string, most: number): Position | undefined {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (char === QUOTE) at = endOfString(text, at);
    // "[" and "{"
    else if (char === 0x5b || char === 0x7b) depth++;
    // "]" and "}"
    else if (char === 0x5d || char === 0x7d) depth--;
    if (depth > most) return positionAt(text, at);
  }
  return undefined;
}

/** Strings are nearly all of a large body: each is left in one jump. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let first = at;
  while (text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}

function charAt(text: string, at: number): string {
  return String.fromCodePoint(text.codePointAt(at) ?? 0);
}

function positionAt(text: string, offset: number): Position {
  let line = 1;
  let lineStart = 0;
  for (let next = text.indexOf("\n"); next !== -1 && next < offset; next = text.indexOf("\n", next + 1)) {
    line++;
    lineStart = next + 1;
  }
  return { line, column: offset - lineStart + 1 };
}
