/**
 * Patterns in schemas that somebody brings along: whether they are regular expressions, and whether matching one may
 * take for ever. What can match the same text in several ways is tried in all of them.
 */
import { parsePattern } from "./pattern-tree.ts";
import { findUnsafeGroup, hasUnsafeRow } from "./pattern-ways.ts";

const PATTERN_CHARS_MAX = 1000;
// Of a pattern, in a message.
const SHOWN_CHARS = 60;

/** What is wrong with a pattern, to be read after its name; undefined where nothing is. */
export function explainPattern(pattern: string): Fault | undefined {
  if (pattern.length > PATTERN_CHARS_MAX) {
    return unsafe(`has more than ${PATTERN_CHARS_MAX} characters: make it simpler`);
  }
  try {
    new RegExp(pattern, "u");
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message.slice(thrown.message.lastIndexOf(": ") + 2) : "";
    return { isUnsafe: false, message: `is no regular expression: ${reason}` };
  }
  return explainCost(pattern);
}

export type Fault = { isUnsafe: boolean; message: string };

function explainCost(pattern: string): Fault | undefined {
  const tree = parsePattern(pattern);
  const group = findUnsafeGroup(tree);
  if (group !== undefined) {
    const what = `repeats ${shown(group.text)}, which can match one text in several ways (nested quantifiers)`;
    return unsafe(`${what}: it could take for ever, write it without`);
  }
  if (!hasUnsafeRow(tree)) return undefined;
  const what = `${shown(pattern)} has several quantifiers in a row that can match the same text`;
  return unsafe(`${what}: it could take for ever, use fewer, or put between them what they do not match`);
}

const unsafe = (message: string): Fault => ({ isUnsafe: true, message });
const shown = (text: string): string => JSON.stringify(text.slice(0, SHOWN_CHARS));
