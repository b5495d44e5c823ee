/** The name that was probably meant. */

const CHARS = 64;
/** Comparisons for one checked file: each takes some microseconds, and all of them must not take a second. */
const COMPARISONS = 100_000;

/** `did you mean "a"?` where a candidate is near enough. Cheap enough to be asked again and again, within a budget. */
export type Suggest = (name: string, candidates: Iterable<string>) => string | undefined;

/** A {@link Suggest} that falls silent after so many comparisons. */
export function limitedSuggest(comparisons: number = COMPARISONS): Suggest {
  let left = comparisons;
  return (name, candidates) => {
    if (left <= 0) return undefined;
    const nearest = findNearest(
      name,
      counted(candidates, () => left-- > 0),
    );
    return nearest === undefined ? undefined : `did you mean ${JSON.stringify(nearest)}?`;
  };
}

/**
 * The candidate with the least edits (Damerau-Levenshtein, capitals aside) to the name; the first of several.
 * None when even that one differs in more than a third of the name.
 */
export function findNearest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.slice(0, CHARS).toLowerCase();
  let bound = Math.max(1, Math.floor(wanted.length / 3));
  let nearest: string | undefined;
  for (const candidate of candidates) {
    if (candidate === name) continue;
    const distance = countEdits(wanted, candidate.slice(0, CHARS).toLowerCase(), bound);
    if (distance > bound) continue;
    nearest = candidate;
    if (distance === 0) return nearest;
    bound = distance - 1;
  }
  return nearest;
}

/** Edits from one text to the other: a letter more, less, other, or two swapped. Above `bound` any number above it. */
export function countEdits(from: string, to: string, bound: number): number {
  if (Math.abs(from.length - to.length) > bound) return bound + 1;
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const next = nextRow({ from, to, row, last, before });
    if (Math.min(...next) > bound) return bound + 1;
    [before, last] = [last, next];
  }
  return last[to.length] ?? 0;
}

type Row = { from: string; to: string; row: number; last: number[]; before: number[] };

function nextRow({ from, to, row, last, before }: Row): number[] {
  const next = [row];
  for (let column = 1; column <= to.length; column++) {
    const isSame = from[row - 1] === to[column - 1];
    const isSwap =
      row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
    const changed = at(last, column - 1) + (isSame ? 0 : 1);
    const edits = Math.min(changed, at(last, column) + 1, at(next, column - 1) + 1);
    next.push(isSwap ? Math.min(edits, at(before, column - 2) + 1) : edits);
  }
  return next;
}

function at(row: number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}

function* counted(candidates: Iterable<string>, isAllowed: () => boolean): Generator<string> {
  for (const candidate of candidates) {
    if (!isAllowed()) return;
    yield candidate;
  }
}
