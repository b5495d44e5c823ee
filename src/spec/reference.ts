/** References `${head.path}` in the strings of a value: found, checked for form, replaced by what they stand for. */
import type { Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { lookUp } from "./lookup.ts";
import { mapStrings, type Place, stringsOf } from "./strings.ts";
import { ESCAPED, OPENING, type Part, parseTemplate, type Reference } from "./template.ts";

export { escapeReferences, type Reference } from "./template.ts";

/** What a head stands for; `failed`: a task that was allowed to fail; undefined: a head nobody knows. */
export type Scope = (head: string) => { value: Json } | { failed: true } | undefined;
export type Resolved =
  | { ok: true; value: Json }
  | {
      ok: false;
      code: "reference_unresolved" | "params_too_large";
      reference: string;
      message: string;
    };

/** A part of a string that is a reference, or looks like one, with where the string stands. */
export type Found = { part: Exclude<Part, { kind: "text" }>; at: Place };
/** How many `${` may still be looked at: as many as {@link LIMITS} allows, for all of a workflow together. */
export type Openings = { left: number };

export function countOpenings(): Openings {
  return { left: LIMITS.references };
}

/** What references there are, and what is none; ends early, with nothing `left`, where there are too many. */
export function* scanReferences(value: Json, openings: Openings): Generator<Found> {
  for (const site of stringsOf(value)) {
    if (!site.text.includes(OPENING)) continue;
    const at = site.at();
    for (const part of parseTemplate(site.text)) {
      if (!allow(part, openings)) return;
      if (part.kind !== "text") yield { part, at };
    }
  }
}

/** All well-formed references in the strings of a value, with where they stand. */
export function findReferences(value: Json): { reference: Reference; at: Place }[] {
  const found: { reference: Reference; at: Place }[] = [];
  for (const { part, at } of scanReferences(value, countOpenings())) {
    if (part.kind === "reference") found.push({ reference: part.reference, at });
  }
  return found;
}

/**
 * Every `${` that is neither escaped nor a reference, as far as the checker's list of problems reaches.
 * At run time they are plain text.
 */
export function findMalformedReferences(value: Json): { at: Place; message: string }[] {
  const found: { at: Place; message: string }[] = [];
  for (const { part, at } of scanReferences(value, countOpenings())) {
    if (part.kind === "malformed") found.push({ at, message: explainMalformed(part) });
    if (found.length > LIMITS.problems) break;
  }
  return found;
}

/** What is wrong with a `${` that is no reference, and what to write instead. */
export function explainMalformed({ start, reason }: Extract<Part, { kind: "malformed" }>): string {
  const snippet = start.split(/\n|(?<=\})/, 1)[0] ?? "";
  return `"${snippet}" is not a reference: ${reason}; a literal ${OPENING} is written ${ESCAPED}`;
}

/**
 * Puts what each reference stands for in its place. A string that is one reference becomes the value with its type;
 * elsewhere strings go in raw and everything else as JSON. What was put in is not looked at again.
 *
 * @example
 * resolveReferences({ list: "${a.items}", text: "of ${a}" }, () => ({ value: { items: [1] } }));
 * // { ok: true, value: { list: [1], text: 'of {"items":[1]}' } }
 */
export function resolveReferences(value: Json, scope: Scope): Resolved {
  if (!hasOpening(value)) return { ok: true, value };
  const state: State = {
    scope,
    openings: countOpenings(),
    found: new Map(),
    chars: 0,
    failure: undefined,
  };
  const resolved = mapStrings(value, (text) => substitute(text, state));
  return state.failure ?? { ok: true, value: resolved };
}

type Failure = Extract<Resolved, { ok: false }>;
type Evaluated = { value: Json; text: string };
/** `found`: by the reference's text, since the same one often stands in many places. `chars`: put in so far. */
type State = {
  scope: Scope;
  openings: Openings;
  found: Map<string, Evaluated>;
  chars: number;
  failure: Failure | undefined;
};

/** One that is none costs more: a thousand characters may have been read to see it. */
const MALFORMED_COST = 10;

function allow(part: Part, openings: Openings): boolean {
  if (part.kind === "text" && part.text !== OPENING) return true;
  openings.left -= part.kind === "malformed" ? MALFORMED_COST : 1;
  return openings.left >= 0;
}

function hasOpening(value: Json): boolean {
  for (const { text } of stringsOf(value)) if (text.includes(OPENING)) return true;
  return false;
}

/** After the first failure nothing is looked up any more: what comes out is not used. */
function substitute(text: string, state: State): Json {
  if (state.failure !== undefined || !text.includes(OPENING)) return text;
  let whole = "";
  for (const part of parseTemplate(text)) {
    if (!allow(part, state.openings)) return refuse(text, state);
    const found = part.kind === "reference" ? find(part.reference, state) : part;
    if (found === undefined) return null;
    if ("value" in found && part.kind === "reference" && part.reference.text === text) return found.value;
    whole += found.text;
  }
  return whole;
}

function refuse(text: string, state: State): null {
  const message = `there are more than ${LIMITS.references} "${OPENING}" here: pass on whole values, not many pieces`;
  state.failure = { ok: false, code: "params_too_large", reference: text.slice(0, SHOWN_CHARS), message };
  return null;
}

const SHOWN_CHARS = 60;

function find(reference: Reference, state: State): Evaluated | undefined {
  if (state.failure !== undefined) return undefined;
  const found = state.found.get(reference.text) ?? evaluate(reference, state);
  if (found === undefined) return undefined;
  state.found.set(reference.text, found);
  // Counted while they are put in: a short text with many references would else fill the memory.
  state.chars += found.text.length;
  if (state.chars <= LIMITS.paramsBytes) return found;
  const message = `"${reference.text}": what references stand for here is over ${LIMITS.paramsBytes} bytes`;
  return fail(state, "params_too_large", reference, `${message}; refer to less of it`);
}

function evaluate(reference: Reference, state: State): Evaluated | undefined {
  const head = state.scope(reference.head);
  if (head === undefined) {
    const message = `"${reference.text}": there is no task "${reference.head}"`;
    return fail(state, "reference_unresolved", reference, message);
  }
  if ("failed" in head) return { value: null, text: "null" };
  const looked = lookUp(reference, head.value);
  if ("message" in looked) return fail(state, "reference_unresolved", reference, looked.message);
  const text = printJson(looked.value);
  if (text !== undefined) return { value: looked.value, text };
  return fail(
    state,
    "params_too_large",
    reference,
    `"${reference.text}": it is nested too deeply to be passed on`,
  );
}

function fail(state: State, code: Failure["code"], reference: Reference, message: string): undefined {
  state.failure = { ok: false, code, reference: reference.text, message };
}

/** A string as it is, all else as compact JSON; undefined for what is nested too deeply to be written. */
function printJson(value: Json): string | undefined {
  try {
    return typeof value === "string" ? value : JSON.stringify(value);
  } catch {
    return undefined;
  }
}
