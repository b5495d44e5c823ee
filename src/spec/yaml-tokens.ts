/** The tokens of a YAML text, measured before the parser, which recurses, sees them. */
import { Lexer, Parser } from "yaml";
import { LIMITS } from "../contract/limits.ts";

export type TooMuch = "too_deep" | "too_large";

/** What the parser makes of the text; stops before the token that is too much, and says where that is. */
export function* parseTokens(
  text: string,
  onNewLine: (offset: number) => void,
  onTooMuch: (what: TooMuch, offset: number) => void,
) {
  const parser = new Parser(onNewLine);
  const isTooDeep = watchDepth();
  let count = 0;
  let faults = 0;
  onNewLine(0);
  for (const token of new Lexer().lex(text)) {
    if (++count > LIMITS.yamlTokens) return onTooMuch("too_large", parser.offset);
    if (isTooDeep(token)) return onTooMuch("too_deep", parser.offset);
    for (const node of parser.next(token)) {
      // The library makes an error object of each, which takes longer than all else.
      if (node.type === "error" && ++faults > LIMITS.problems) return;
      yield node;
    }
  }
  yield* parser.end();
}

// A list may stand at the column of its key, so columns count only half of what can be nested.
// What is built is measured exactly afterwards.
const MOST = 2 * LIMITS.depth;
const SCALAR_FOLLOWS = "\x1f";
// Marks of the lexer that stand for no text: a document begins, a flow collection ends.
const MARKS = ["\x02", "\x18"];
const IS_SPACE = /^[ \t]+$/;

/** Counts open brackets, and the columns at which blocks begin, growing from line to line. */
function watchDepth(): (token: string) => boolean {
  let brackets = 0;
  let columns: number[] = [];
  let column = 0;
  let isLineStart = true;
  let isScalar = false;

  return (token) => {
    const wasScalar = isScalar;
    isScalar = !wasScalar && token === SCALAR_FOLLOWS;
    if (isScalar || (!wasScalar && MARKS.includes(token))) return false;
    if (token.endsWith("\n")) {
      if (isLineStart && wasScalar) openColumn();
      column = 0;
      isLineStart = true;
      return false;
    }
    if (!wasScalar && (token === "[" || token === "{")) brackets++;
    else if (!wasScalar && (token === "]" || token === "}")) brackets = Math.max(0, brackets - 1);
    if (isLineStart && !IS_SPACE.test(token) && !token.startsWith("#")) openColumn();
    if (isLineStart && !IS_SPACE.test(token)) isLineStart = !wasScalar && (token === "-" || token === "?");
    column += token.length;
    return brackets + columns.length > MOST;
  };

  function openColumn(): void {
    while ((columns.at(-1) ?? -1) >= column) columns.pop();
    columns.push(column);
    if (column === 0) columns = [0];
  }
}
