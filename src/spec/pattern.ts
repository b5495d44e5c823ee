/**
 * Patterns in schemas that somebody brings along: whether they are regular expressions, and whether matching one may
 * take for ever. A group that can match the same text in several ways, and is repeated, is tried in all of them.
 */

const PATTERN_CHARS_MAX = 1000;
/** Ways in which a repeated group may match one text: each is one more try. */
const WAYS_MOST = 1000;

/** What is wrong with a pattern, to be read after its name; undefined where nothing is. */
export function explainPattern(pattern: string): Fault | undefined {
  if (pattern.length > PATTERN_CHARS_MAX) {
    return { isUnsafe: true, message: `has more than ${PATTERN_CHARS_MAX} characters: make it simpler` };
  }
  try {
    new RegExp(pattern, "u");
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.slice(thrown.message.lastIndexOf(": ") + 2) : "";
    return { isUnsafe: false, message: `is no regular expression: ${reason}` };
  }
  const group = findUnsafeGroup(pattern);
  if (group === undefined) return undefined;
  const shown = JSON.stringify(group.slice(0, 60));
  const message = `repeats ${shown}, which can match one text in several ways (nested quantifiers): it could take for ever, write it without`;
  return { isUnsafe: true, message };
}

export type Fault = { isUnsafe: boolean; message: string };

/** An open group. `ways`: how many ways its parts so far have to match; `firsts`: how each alternative begins. */
type Group = { start: number; ways: number; firsts: (string | undefined)[]; isAtFirst: boolean };
type Repeat = { least: number; most: number; end: number };

/** The first repeated group with too many ways, as it is written. The pattern is a valid one. */
function findUnsafeGroup(pattern: string): string | undefined {
  const groups: Group[] = [openGroup(0)];
  for (let at = 0; at < pattern.length; ) {
    const char = pattern.charAt(at);
    const open = groups.at(-1) ?? openGroup(0);
    if (char === "(") {
      begin(open, undefined);
      groups.push(openGroup(at));
      at = endOfPrefix(pattern, at);
    } else if (char === "|") {
      if (open.isAtFirst) open.firsts.push(undefined);
      open.isAtFirst = true;
      at++;
    } else {
      const inner = char === ")" ? groups.pop() : undefined;
      const end = char === ")" ? at + 1 : endOfAtom(pattern, at);
      if (inner === undefined) begin(open, isLiteral(char) ? char : undefined);
      const repeat = repeatAt(pattern, end);
      const ways = inner === undefined ? 1 : power(waysOf(inner), repeat.most);
      if (inner !== undefined && repeat.most > 1 && ways > WAYS_MOST) {
        return pattern.slice(inner.start, repeat.end);
      }
      const outer = groups.at(-1) ?? open;
      outer.ways *= ways * (repeat.most - repeat.least + 1);
      at = repeat.end;
    }
  }
  return undefined;
}

const openGroup = (start: number): Group => ({ start, ways: 1, firsts: [], isAtFirst: true });

function begin(group: Group, first: string | undefined): void {
  if (group.isAtFirst) group.firsts.push(first);
  group.isAtFirst = false;
}

/** Alternatives that begin with different characters exclude each other; others may match the same text. */
function waysOf({ ways, firsts, isAtFirst }: Group): number {
  const all = isAtFirst ? [...firsts, undefined] : firsts;
  const isDistinct = all.length < 2 || (!all.includes(undefined) && new Set(all).size === all.length);
  return isDistinct ? ways : ways * all.length;
}

// 1 to the power of infinity is no number to JavaScript.
const power = (base: number, exponent: number): number => (base === 1 ? 1 : base ** exponent);

const isLiteral = (char: string): boolean => !/[\\[.^$]/.test(char);

/** After `(`, `(?:`, `(?=`, `(?<name>` … */
function endOfPrefix(pattern: string, at: number): number {
  const [prefix = "("] = matchAt(/\((?:\?(?:<?[=!]|<[^>]*>|[\w-]*:))?/y, pattern, at);
  return at + prefix.length;
}

/** After a class, an escape or a character. */
function endOfAtom(pattern: string, at: number): number {
  const [atom = ""] = matchAt(
    /\[(?:\\.|[^\]\\])*\]|\\(?:[pPu]\{[^}]*\}|k<[^>]*>|u[\da-fA-F]{4}|x..|c.|\d+|.)|./sy,
    pattern,
    at,
  );
  return at + Math.max(1, atom.length);
}

function repeatAt(pattern: string, at: number): Repeat {
  const [all = "", sign = "", least = "", comma = "", most = ""] = matchAt(
    /(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/y,
    pattern,
    at,
  );
  const end = at + all.length;
  if (all === "") return { least: 1, most: 1, end };
  if (sign !== "") return { least: sign === "+" ? 1 : 0, most: sign === "?" ? 1 : Infinity, end };
  const bound = most === "" ? Infinity : Number(most);
  return { least: Number(least), most: comma === "" ? Number(least) : bound, end };
}

function matchAt(expression: RegExp, text: string, at: number): readonly string[] {
  expression.lastIndex = at;
  return expression.exec(text) ?? [];
}
