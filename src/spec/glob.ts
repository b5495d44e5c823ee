/**
 * Paths against a pattern: `*` any characters but `/`, `?` one of them, `**` any number of directories.
 * No regular expression and no recursion: the time is at most the product of both lengths.
 */

/** How much may still be compared: patterns of many stars take thousands of steps for one path. */
export type Comparisons = { left: number };

/**
 * Hidden files and directories (`.git`) match only a pattern that names one: a segment that begins with a dot. Nothing
 * matches once no comparisons are left.
 */
export function matchesGlob(path: string, pattern: string, comparisons?: Comparisons): boolean {
  const counted = comparisons ?? { left: Number.POSITIVE_INFINITY };
  const segments = path.split("/");
  const wanted = pattern.split("/");
  const isHidden = segments.some((segment) => segment.startsWith("."));
  if (isHidden && !wanted.some((segment) => segment.startsWith("."))) return false;
  const matchesSegment = (segment: string, one: string): boolean =>
    matchesAll([...segment], [...one], "*", isSameCharacter, counted);
  return matchesAll(segments, wanted, "**", matchesSegment, counted);
}

function isSameCharacter(character: string, wanted: string): boolean {
  return wanted === "?" || wanted === character;
}

/**
 * Items against tokens, one of which stands for any number of items. Only the last such token is ever tried with more
 * items: what an earlier one took was the least it could take, which leaves the most to those after it.
 */
function matchesAll(
  items: string[],
  tokens: string[],
  star: string,
  isMatch: (item: string, token: string) => boolean,
  comparisons: Comparisons,
): boolean {
  let item = 0;
  let token = 0;
  comparisons.left -= tokens.length;
  let again: { item: number; token: number } | undefined;
  while (item < items.length) {
    if (comparisons.left-- <= 0) return false;
    if (tokens[token] === star) {
      token += 1;
      again = { item, token };
    } else if (token < tokens.length && isMatch(items[item] ?? "", tokens[token] ?? "")) {
      item += 1;
      token += 1;
    } else if (again !== undefined) {
      again.item += 1;
      ({ item, token } = again);
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === star);
}
