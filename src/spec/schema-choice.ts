/**
 * `anyOf` and `oneOf` list the errors of every alternative. What is said instead: nothing where an alternative has no
 * certain error, what all of them want where that is one thing each, else the errors of the one that came farthest.
 */
import type { OutputUnit } from "@cfworker/json-schema";
import type { Place } from "./strings.ts";

/** An error of the validator. `isCertain` is false for one that says nothing yet, or nothing of its own. */
export type Broken = OutputUnit & { path: Place; isCertain: boolean };
/** An error that is to be said; `alternatives` are the errors inside it, where it is a choice. */
export type Settled = { error: Broken; alternatives: Broken[] };

/** In the order of the errors, which come with each choice before what is inside it. */
export function settleChoices(errors: readonly Broken[]): Settled[] {
  const settled: Settled[] = [];
  for (let index = 0; index < errors.length; ) {
    const error = errors[index++];
    if (error === undefined) break;
    if (error.keyword !== "anyOf" && error.keyword !== "oneOf") {
      if (error.isCertain) settled.push({ error, alternatives: [] });
      continue;
    }
    const inside: Broken[] = [];
    for (let next = errors[index]; next !== undefined && isBelow(next, error); next = errors[++index])
      inside.push(next);
    settled.push(...settleChoice(error, inside));
  }
  return settled;
}

function settleChoice(choice: Broken, inside: Broken[]): Settled[] {
  if (!choice.isCertain) return [];
  const branches = new Map<string, Broken[]>();
  for (const error of inside) {
    const branch = branchOf(error.keywordLocation, choice);
    const known = branches.get(branch);
    if (known === undefined) branches.set(branch, [error]);
    else known.push(error);
  }
  const each = [...branches.values()].map(settleChoices);
  if (each.some((branch) => branch.length === 0)) return [];
  const isFlat = each.flat().every(({ error }) => error.path.length === choice.path.length);
  if (isFlat) return [{ error: choice, alternatives: inside }];
  return each.reduce((best, branch) => (depthOf(branch) > depthOf(best) ? branch : best));
}

/** The number of the alternative: `1` of `…/anyOf/1/type`. */
function branchOf(keywordLocation: string, choice: Broken): string {
  return keywordLocation.slice(choice.keywordLocation.length + 1).split("/", 1)[0] ?? "";
}

function depthOf(branch: Settled[]): number {
  return Math.max(...branch.map(({ error }) => error.path.length));
}

function isBelow(error: Broken, choice: Broken): boolean {
  const { instanceLocation, keywordLocation } = choice;
  const isInside =
    error.instanceLocation === instanceLocation || error.instanceLocation.startsWith(`${instanceLocation}/`);
  return isInside && error.keywordLocation.startsWith(`${keywordLocation}/`);
}
