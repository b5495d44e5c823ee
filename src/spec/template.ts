/**
 * The text of one string taken apart: plain text, references `${head.path}`, and what looks like one but is none.
 * One pass from left to right; a `${` that fails is not tried again, so the time is linear in the text.
 */
import { LIMITS } from "../contract/limits.ts";

/** `text` is the reference as written, with its braces. */
export type Reference = { text: string; head: string; path: string[] };
/** `start` of a malformed part is for its message: it may reach beyond the part. */
export type Part =
  | { kind: "text"; text: string }
  | { kind: "reference"; reference: Reference }
  | { kind: "malformed"; text: string; start: string; reason: string };

export const OPENING = "${";
export const ESCAPED = "$${";
const SNIPPET_CHARS = 60;
/** Nothing is nested deeper that a reference could lead into. */
const STEPS = LIMITS.depth;

// A name or a key without quotes. Bounded: a prompt of megabytes after a stray `${` is no name.
const BARE = /(?:[^.[\]{}$\r\n]|\$(?!\{)){1,1000}/y;
const INDEX = /\[(\d{1,15})\]/y;
// Only what JSON.parse takes: an exception for each of many bad keys would take seconds.
const QUOTED = /\[("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})){0,1000}")\]/uy;
const END = /\s*\}/y;

/** Text of a file is never a template: each `${` becomes `$${`. */
export function escapeReferences(text: string): string {
  return text.replaceAll(OPENING, () => ESCAPED);
}

/**
 * The parts of a text, in order; who has seen enough stops taking them. A text that is one reference and nothing else
 * has one part.
 */
export function* parseTemplate(text: string): Generator<Part> {
  let from = 0;
  for (let start = text.indexOf(OPENING); start !== -1; start = text.indexOf(OPENING, from)) {
    const isEscaped = start > from && text[start - 1] === "$";
    const plainEnd = isEscaped ? start - 1 : start;
    if (plainEnd > from) yield { kind: "text", text: text.slice(from, plainEnd) };
    const found = isEscaped ? literalOpening(start) : parseReference(text, start);
    yield found.part;
    from = found.end;
  }
  if (from < text.length) yield { kind: "text", text: text.slice(from) };
}

type Found = { part: Part; end: number };

function literalOpening(start: number): Found {
  return { part: { kind: "text", text: OPENING }, end: start + OPENING.length };
}

function parseReference(text: string, start: number): Found {
  const head = match(BARE, text, start + OPENING.length)?.[0] ?? "";
  let at = start + OPENING.length + head.length;
  if (head.trim() === "") return malformed(text, start, at, "a task's id must follow the opening brace");
  const path: string[] = [];
  for (;;) {
    const end = match(END, text, at);
    if (end !== undefined) return reference(text, start, at + end[0].length, head, path);
    const segment = parseSegment(text, at);
    if (typeof segment === "string") return malformed(text, start, at, segment);
    if (path.length === STEPS) return malformed(text, start, at, `its path has more than ${STEPS} steps`);
    path.push(segment.key);
    at = segment.end;
  }
}

/** One step of the path at this position, or what is wrong there. */
function parseSegment(text: string, at: number): { key: string; end: number } | string {
  if (text[at] === "[") return parseBracket(text, at);
  if (text[at] !== ".") return "its closing brace is missing";
  const bare = match(BARE, text, at + 1)?.[0] ?? "";
  if (bare.trim() === "") return "a key must follow the dot";
  return { key: bare.trim(), end: at + 1 + bare.length };
}

function parseBracket(text: string, at: number): { key: string; end: number } | string {
  const index = match(INDEX, text, at);
  // Leading zeros are dropped: [007] is item 7.
  if (index !== undefined) return { key: String(Number(index[1])), end: at + index[0].length };
  const quoted = match(QUOTED, text, at);
  if (quoted === undefined) return 'brackets hold a number or a "key" in double quotes';
  return { key: String(JSON.parse(quoted[1] ?? "")), end: at + quoted[0].length };
}

function reference(text: string, start: number, end: number, head: string, path: string[]): Found {
  const found: Reference = { text: text.slice(start, end), head: head.trim(), path };
  return { part: { kind: "reference", reference: found }, end };
}

function malformed(text: string, start: number, end: number, reason: string): Found {
  const shown = text.slice(start, start + SNIPPET_CHARS);
  return { part: { kind: "malformed", text: text.slice(start, end), start: shown, reason }, end };
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text) ?? undefined;
}
