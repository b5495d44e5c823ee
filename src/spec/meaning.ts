/** What heads of references and stated dependencies mean, and what is said where they mean nothing. */
import type { Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { RESERVED_HEADS } from "./lookup.ts";
import { type Findings, type ProblemCode, quoteName } from "./problems.ts";
import { explainMalformed, type Openings, type Reference, scanReferences } from "./reference.ts";
import type { Place } from "./strings.ts";
import type { Suggest } from "./suggest.ts";
import type { TaskNames } from "./task-names.ts";
import { OPENING } from "./template.ts";

export type Surroundings = {
  names: TaskNames;
  /** Names; undefined where there are too many, which is an error of its own. */
  inputs: ReadonlySet<string> | undefined;
  findings: Findings;
  suggest: Suggest;
  openings: Openings;
};
/** Where something stands, and how messages about it begin. */
export type Spot = { subject: string; at: Place };

const RUN_KEYS = new Set(["id", "name", "startedAt"]);
const NAMED = 20;

/**
 * Reports what is no reference, and visits what is one: the first of each text, since a reference that is wrong in a
 * hundred places is one mistake.
 */
export function forEachReference(
  value: Json,
  spot: Spot,
  { findings, openings }: Surroundings,
  visit: (reference: Reference, spot: Spot) => void,
): void {
  if (openings.left < 0) return;
  const { subject } = spot;
  const seen = new Set<string>();
  for (const { part, at: inside } of scanReferences(value, openings)) {
    const at = [...spot.at, ...inside];
    if (part.kind === "malformed") {
      const message = subject + explainMalformed(part);
      findings.error({ code: "malformed_reference", at, message, near: { text: OPENING } });
    } else if (!seen.has(part.reference.text)) {
      seen.add(part.reference.text);
      visit(part.reference, { subject, at });
    }
  }
  if (openings.left >= 0) return;
  const message = `${subject}up to here there are over ${LIMITS.references} "${OPENING}": split the workflow`;
  findings.error({ code: "too_large", at: spot.at, message });
}

/** The id of the task that a reference is to; none for `inputs`, `run`, and what is reported. */
export function resolveReference(reference: Reference, spot: Spot, around: Surroundings): string | undefined {
  const { head, text } = reference;
  if (RESERVED_HEADS.includes(head)) {
    checkKey(reference, head === "inputs" ? around.inputs : RUN_KEYS, spot, around);
    return undefined;
  }
  const message = `${text} refers to unknown task ${quoteName(head)}; a literal \${ is written $\${`;
  return resolveHead(head, spot, around, { code: "unknown_reference", message, text });
}

/** What to say of a head that nothing has; `text`: what to point at. */
type Unknown = { code: ProblemCode; message: string; text?: string };

/** The id of the task with this id or name; none, and said why, for no task or several. */
export function resolveHead(
  head: string,
  { subject, at }: Spot,
  { names, findings, suggest }: Surroundings,
  { code, message, text }: Unknown,
): string | undefined {
  const meant = names.find(head);
  if (meant !== undefined && "id" in meant) return meant.id;
  const place = { at, ...(text === undefined ? {} : { near: { text } }) };
  if (meant === undefined) {
    findings.error({ code, message: subject + message, ...place, suggest: () => suggest(head, names.all()) });
  } else {
    const ids = meant.several.slice(0, NAMED).map(quoteName).join(", ");
    const several = `${quoteName(head)} is the name of ${meant.several.length} tasks: use an id (${ids})`;
    findings.error({ code: "ambiguous_name", message: subject + several, ...place });
  }
  return undefined;
}

function checkKey(
  reference: Reference,
  known: Surroundings["inputs"],
  spot: Spot,
  around: Surroundings,
): void {
  const { head, text } = reference;
  const [key] = reference.path;
  if (known === undefined || key === undefined || known.has(key)) return;
  const there = known.size === 0 ? "there are none" : `there are ${firstOf(known).join(", ")}`;
  const missing =
    head === "inputs" ? `no input ${quoteName(key)} is declared` : `a run has no ${quoteName(key)}`;
  around.findings.error({
    code: "unknown_reference",
    at: spot.at,
    message: `${spot.subject}${text}: ${missing}; ${there}`,
    near: { text },
    suggest: () => around.suggest(key, known),
  });
}

function firstOf(names: Iterable<string>): string[] {
  const first: string[] = [];
  for (const name of names) if (first.push(name) === NAMED) break;
  return first;
}
