/** The characters that an atom of a regular expression stands for, as ranges of code points; in doubt all. */

export type Characters = readonly Range[];
type Range = readonly [first: number, last: number];

const LAST = 0x10ffff;
const WHOLE: Range = [0, LAST];
/** Any, for all we know: so is its complement. */
export const EVERY: Characters = [WHOLE];

/** Of a character, an escape or a class, as it is written. */
export function charactersOf(atom: string): Characters {
  if (atom === ".") return allBut(LINE_ENDS);
  if (atom.startsWith("\\")) return escaped(atom);
  if (!atom.startsWith("[")) return single(codeOf(atom));
  const isNegated = atom.startsWith("[^");
  const all = inClass(atom.slice(isNegated ? 2 : 1, -1));
  return isNegated ? allBut(all) : all;
}

export function haveCommon(some: Characters, others: Characters): boolean {
  return some.some(([first, last]) => others.some((other) => first <= other[1] && other[0] <= last));
}

const LINE_ENDS: Characters = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const DIGITS: Characters = [[0x30, 0x39]];
const WORD: Characters = [...DIGITS, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]];
const SPACES: Characters = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];

const CLASSES: Record<string, Characters> = { d: DIGITS, w: WORD, s: SPACES };
const CONTROLS: Record<string, number> = { t: 9, n: 10, v: 11, f: 12, r: 13, 0: 0 };

function escaped(atom: string): Characters {
  const letter = atom.charAt(1);
  const known = CLASSES[letter.toLowerCase()];
  if (known !== undefined) return letter === letter.toLowerCase() ? known : allBut(known);
  const code = escapedCode(atom);
  return code === undefined ? EVERY : single(code);
}

/** Nothing where it is no single character, or not known which: properties, references, halves of pairs. */
function escapedCode(atom: string): number | undefined {
  const hex = /^\\[ux]\{?([\da-fA-F]+)\}?$/.exec(atom)?.[1];
  if (hex !== undefined) {
    const code = Number.parseInt(hex, 16);
    return code >= 0xd800 && code <= 0xdfff ? undefined : code;
  }
  const rest = atom.slice(1);
  const control = CONTROLS[rest];
  if (control !== undefined) return control;
  if (/^c./.test(rest)) return codeOf(rest.slice(1)) % 32;
  return /^[^\w]$/u.test(rest) ? codeOf(rest) : undefined;
}

const IN_CLASS = /\\(?:[pPu]\{[^}]*\}|u[\da-fA-F]{4}|x..|c.|.)|./gsu;

function inClass(text: string): Characters {
  const items = text.match(IN_CLASS) ?? [];
  const all: Range[] = [];
  for (let index = 0; index < items.length; index++) {
    const [item = "", dash, end] = items.slice(index, index + 3);
    const from = itemCharacters(item);
    if (dash === "-" && end !== undefined) {
      const [last] = itemCharacters(end);
      // One half of a pair says nothing of where the range begins.
      if (from === EVERY || last === undefined || last === WHOLE) return EVERY;
      all.push([from[0]?.[0] ?? 0, last[1]]);
      index += 2;
    } else {
      all.push(...from);
    }
  }
  return all;
}

/** A backspace is written `\b` in a class. */
function itemCharacters(item: string): Characters {
  if (item === "\\b") return single(8);
  return item.startsWith("\\") ? escaped(item) : single(codeOf(item));
}

const codeOf = (text: string): number => text.codePointAt(0) ?? 0;
const single = (code: number): Characters => [[code, code]];

function allBut(characters: Characters): Characters {
  if (characters.includes(WHOLE)) return EVERY;
  const rest: Range[] = [];
  let next = 0;
  for (const [first, last] of characters.toSorted((one, other) => one[0] - other[0])) {
    if (first > next) rest.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  if (next <= LAST) rest.push([next, LAST]);
  return rest;
}
