/** In how many ways a pattern may match one text: where it fails in the end, all of them are tried. */
import { type Characters, haveCommon } from "./pattern-characters.ts";
import type { Group, Part } from "./pattern-tree.ts";

/** Of a repeated group: each way is one more try. */
const GROUP_WAYS_MOST = 1000;
/**
 * A boundary that can lie anywhere counts as so many: texts are short (`LIMITS.patternChars`). Of all that is matched one
 * after the other two such boundaries may be, which take the square of a text's length, three may not.
 */
const BOUNDARY_WAYS = 100;
const WAYS_MOST = BOUNDARY_WAYS ** 3;

/** The first repeated group with too many ways, from within. */
export function findUnsafeGroup({ alternatives }: Group): Part | undefined {
  for (const part of alternatives.flat()) {
    if (part.kind !== "group") continue;
    const inner = findUnsafeGroup(part);
    if (inner !== undefined) return inner;
    if (part.most > 1 && power(waysWithin(part), part.most) > GROUP_WAYS_MOST) return part;
  }
  return undefined;
}

/** Whether parts that can take the same text follow each other, so that it can be divided between them as they like. */
export function hasUnsafeRow(pattern: Group): boolean {
  return afterGroup(pattern, { open: [], ways: 1, worst: 1 }).worst >= WAYS_MOST;
}

/** As if each part could take the text of any other. */
function waysWithin(group: Group): number {
  const each = group.alternatives.flat().map((part) => {
    const once = part.kind === "group" ? power(waysWithin(part), part.most) : 1;
    return once * lengthsOf(part);
  });
  return each.reduce((ways, one) => ways * one, choicesIn(group));
}

const lengthsOf = ({ least, most }: Part): number => most - least + 1;
// 1 to the power of infinity is no number to JavaScript.
const power = (base: number, exponent: number): number => (base === 1 ? 1 : base ** exponent);

/** Alternatives that may match the same text: those that begin with different characters exclude each other. */
function choicesIn({ alternatives }: Group): number {
  const firsts = alternatives.map(([first]) =>
    first?.kind === "atom" && first.least > 0 ? first.literal : undefined,
  );
  const known = Map.groupBy(firsts, (first) => first);
  const unknown = known.get(undefined)?.length ?? 0;
  known.delete(undefined);
  return Math.max(1, unknown + Math.max(0, ...[...known.values()].map(({ length }) => length)));
}

/** Text of no fixed length. `all`: characters that may be in it; `needed`: each of these must be. */
type Stretch = { all: Characters; needed: Characters[] };
/** `open`: stretches before, whose end has not been fixed by anything. `worst`: the most ways so far, lookarounds included. */
type Row = { open: readonly Stretch[]; ways: number; worst: number };

function afterGroup(group: Group, before: Row): Row {
  const rows = group.alternatives.map((parts) => parts.reduce((row, part) => afterPart(part, row), before));
  const { open, ways, worst } = joined(rows);
  return withWays({ open, ways: ways * choicesIn(group), worst }, 1);
}

function afterPart(part: Part, before: Row): Row {
  if (part.most === 0) return before;
  if (part.kind === "group" && part.isLook) {
    return { ...before, worst: afterGroup(part, before).worst };
  }
  if (part.kind === "group" && part.most === 1) {
    const after = afterGroup(part, before);
    return part.least === 1 ? after : joined([before, after]);
  }
  const stretch = stretchOf(part);
  const fixed = part.least === 0 ? before : afterNeeded(stretch, before);
  const once = part.kind === "group" ? power(waysWithin(part), part.most) : 1;
  const row = withWays(fixed, once);
  if (part.kind === "atom" && part.least === part.most) return row;
  const isShared = row.open.some((other) => canTrade(other, stretch));
  const ways = isShared ? Math.min(lengthsOf(part), BOUNDARY_WAYS) : 1;
  return withWays({ ...row, open: [...row.open, stretch] }, ways);
}

function withWays({ open, ways, worst }: Row, times: number): Row {
  return { open, ways: ways * times, worst: Math.max(worst, ways * times) };
}

function joined(rows: Row[]): Row {
  return {
    open: [...new Set(rows.flatMap(({ open }) => open))],
    ways: Math.max(...rows.map(({ ways }) => ways)),
    worst: Math.max(...rows.map(({ worst }) => worst)),
  };
}

/** Where a character must come that is not in them, stretches before it end. */
function afterNeeded({ needed }: Stretch, before: Row): Row {
  const open = before.open.filter(({ all }) => needed.every((characters) => haveCommon(all, characters)));
  return { ...before, open };
}

function canTrade(one: Stretch, other: Stretch): boolean {
  if (!haveCommon(one.all, other.all)) return false;
  const fits = (inner: Stretch, outer: Stretch) => inner.needed.every((some) => haveCommon(some, outer.all));
  return fits(one, other) && fits(other, one);
}

function stretchOf(part: Part): Stretch {
  if (part.kind === "atom") return { all: part.characters, needed: [part.characters] };
  const parts = part.alternatives.flat().filter((inner) => inner.kind === "atom" || !inner.isLook);
  const within = parts.map((inner) => ({ least: inner.least, stretch: stretchOf(inner) }));
  const isAlone = part.alternatives.length === 1;
  return {
    all: within.flatMap(({ stretch }) => stretch.all),
    needed: isAlone ? within.flatMap(({ least, stretch }) => (least > 0 ? stretch.needed : [])) : [],
  };
}
