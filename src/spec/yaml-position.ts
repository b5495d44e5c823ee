/** Where in a YAML text a path of keys leads. */
import { type Alias, isAlias, isMap, isPair, isScalar, isSeq, type YAMLMap } from "yaml";
import type { Finding } from "./problems.ts";
import { isMerge, keyTextOf } from "./yaml-value.ts";

export type Tree = { root: unknown; targets: ReadonlyMap<Alias, unknown>; text: string };
type Place = readonly (string | number)[];

/**
 * The offset of what a finding is about: the value where it is a scalar, else its key. What the text does not have
 * (a key that is missing, or was rewritten) is where the nearest thing around it is; nowhere if that is the whole text.
 */
export function findOffset(tree: Tree, finding: Pick<Finding, "at" | "near">): number | undefined {
  const { spot, depth } = walk(tree, finding.at);
  if (depth === 0 && finding.at.length > 1) return undefined;
  const isWhole = depth === finding.at.length;
  if (isWhole && typeof finding.near === "object")
    return offsetOfText(tree.text, spot.value, finding.near.text);
  const isScalarMeant =
    isWhole && finding.near !== "key" && isScalar(spot.value) && spot.value.value !== null;
  return isScalarMeant || spot.key === undefined ? startOf(spot.value) : startOf(spot.key);
}

/** The scalar at a place, as it is written. */
export function findSource(tree: Tree, place: Place): string | undefined {
  const { spot, depth } = walk(tree, place);
  return depth === place.length && isScalar(spot.value) ? spot.value.source : undefined;
}

type Spot = { key: unknown; value: unknown };

/** As far as the text has the place: the spot reached, and how many keys lead to it. */
function walk(tree: Tree, place: Place): { spot: Spot; depth: number } {
  let spot: Spot = { key: undefined, value: tree.root };
  for (const [depth, key] of place.entries()) {
    const next = step(spot.value, key, tree.targets);
    if (next === undefined) return { spot, depth };
    spot = next;
  }
  return { spot, depth: place.length };
}

function step(at: unknown, key: string | number, targets: Tree["targets"]): Spot | undefined {
  const node = isAlias(at) ? targets.get(at) : at;
  if (isMap(node)) return stepIntoMap(node, String(key), targets);
  if (!isSeq(node)) return undefined;
  const item: unknown = node.items[Number(key)];
  if (item === undefined) return undefined;
  return isPair(item) ? { key: undefined, value: item.key } : { key: undefined, value: item };
}

function stepIntoMap(
  map: YAMLMap<unknown, unknown>,
  key: string,
  targets: Tree["targets"],
): Spot | undefined {
  const own = map.items.find((pair) => !isMerge(pair.key) && keyTextOf(pair.key, targets) === key);
  if (own !== undefined) return { key: own.key, value: own.value };
  for (const pair of map.items) {
    if (!isMerge(pair.key)) continue;
    const merged = isAlias(pair.value) ? targets.get(pair.value) : pair.value;
    for (const source of isSeq(merged) ? merged.items : [merged]) {
      const found = step(source, key, targets);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function offsetOfText(text: string, node: unknown, wanted: string): number | undefined {
  const start = startOf(node);
  const end = isScalar(node) ? node.range?.[1] : undefined;
  if (start === undefined || end === undefined) return start;
  const found = text.indexOf(wanted, start);
  return found === -1 || found >= end ? start : found;
}

function startOf(node: unknown): number | undefined {
  if (isAlias(node) || isScalar(node) || isMap(node) || isSeq(node)) return node.range?.[0];
  return undefined;
}
