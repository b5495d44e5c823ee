/** A regular expression, as far as its cost depends on it: parts one after the other, how often, and of which characters. */
import { type Characters, charactersOf, EVERY } from "./pattern-characters.ts";

/** `text` is the part as it is written, with its quantifier. */
export type Part = { text: string; least: number; most: number } & (Atom | Group);
type Atom = { kind: "atom"; characters: Characters; literal: string | undefined };
/** `isLook`: it looks ahead or behind, and takes no text. */
export type Group = { kind: "group"; isLook: boolean; alternatives: Part[][] };

/** The pattern is a valid one (of the flag `u`). */
export function parsePattern(pattern: string): Group {
  const cursor: Cursor = { pattern, at: 0, isFolded: MODIFIERS.test(pattern) };
  return { kind: "group", isLook: false, alternatives: readAlternatives(cursor) };
}

/** `isFolded`: what letters and dots stand for may change within it. */
type Cursor = { pattern: string; at: number; isFolded: boolean };

const MODIFIERS = /\(\?[a-z]*-?[a-z]+:/;

/** Up to the end of the pattern or of the group that is open. */
function readAlternatives(cursor: Cursor): Part[][] {
  const alternatives: Part[][] = [[]];
  while (cursor.at < cursor.pattern.length && cursor.pattern.charAt(cursor.at) !== ")") {
    if (take(cursor, /\|/y) !== undefined) alternatives.push([]);
    else if (take(cursor, PLACE) === undefined) alternatives.at(-1)?.push(readPart(cursor));
  }
  return alternatives;
}

// They take no text.
const PLACE = /[\^$]|\\[bB]/y;
const GROUP_BEGIN = /\((?:\?(?:<?[=!]|<[^>]*>|[\w-]*:))?/y;
const ATOM = /\[(?:\\.|[^\]\\])*\]|\\(?:[pPu]\{[^}]*\}|k<[^>]*>|u[\da-fA-F]{4}|x..|c.|\d+|.)|./suy;
const QUANTIFIER = /(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/y;

function readPart(cursor: Cursor): Part {
  const start = cursor.at;
  const [begin] = take(cursor, GROUP_BEGIN) ?? [];
  const inner = begin === undefined ? readAtom(cursor) : readGroup(cursor, begin);
  const repeat = readRepeat(cursor);
  return { ...inner, ...repeat, text: cursor.pattern.slice(start, cursor.at) };
}

function readGroup(cursor: Cursor, begin: string): Group {
  const alternatives = readAlternatives(cursor);
  cursor.at++; // its bracket
  return { kind: "group", isLook: /[=!]$/.test(begin), alternatives };
}

function readAtom(cursor: Cursor): Atom {
  const [text = ""] = take(cursor, ATOM) ?? [];
  const characters = cursor.isFolded ? EVERY : charactersOf(text);
  return { kind: "atom", characters, literal: /^[\\[.]/.test(text) ? undefined : text };
}

function readRepeat(cursor: Cursor): { least: number; most: number } {
  const [, sign = "", least = "", comma = "", most = ""] = take(cursor, QUANTIFIER) ?? [];
  if (sign !== "") return { least: sign === "+" ? 1 : 0, most: sign === "?" ? 1 : Infinity };
  if (least === "") return { least: 1, most: 1 };
  const bound = most === "" ? Infinity : Number(most);
  return { least: Number(least), most: comma === "" ? Number(least) : bound };
}

function take(cursor: Cursor, expression: RegExp): readonly (string | undefined)[] | undefined {
  expression.lastIndex = cursor.at;
  const found = expression.exec(cursor.pattern) ?? undefined;
  if (found !== undefined) cursor.at += found[0].length;
  return found;
}
