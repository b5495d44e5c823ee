/** What the checker finds: its closed list of codes, and a collector that keeps within its limit. */
import { LIMITS } from "../contract/limits.ts";
import type { Problem } from "../contract/workflow.ts";
import type { Place } from "./strings.ts";

export const PROBLEM_CODES = [
  // The text
  "yaml_syntax",
  "duplicate_key",
  "too_large",
  "too_deep",
  // The shape
  "missing_key",
  "invalid_value",
  "unknown_key",
  "conflicting_keys",
  "unsupported_key",
  "unnamed_workflow",
  "file_not_inlined",
  // Tasks and how they hang together
  "duplicate_id",
  "reserved_id",
  "odd_id",
  "ambiguous_name",
  "unknown_dependency",
  "self_dependency",
  "cycle",
  "malformed_reference",
  "unknown_reference",
  "reference_in_code",
  // What tasks ask for
  "unknown_protocol",
  "unknown_method",
  "unknown_tool",
  "invalid_params",
  "unknown_param",
  // What protocols bring along
  "invalid_schema",
  "unsafe_pattern",
  // What a run is given
  "missing_input",
  "unknown_input",
  "invalid_input",
  "more_problems",
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/**
 * One finding before it has a line. `near` narrows the position: to a key instead of its value, or to a piece of
 * the value's text; `position` is for what has no place of its own. `suggest` is asked only where the finding is reported.
 */
export type Finding = {
  code: ProblemCode;
  at: Place;
  message: string;
  near?: "key" | { text: string };
  position?: Position;
  suggest?: () => string | undefined;
};
export type Position = { line: number; column: number };
export type Locate = (finding: Finding) => Position | undefined;

export type Findings = {
  error: (finding: Finding) => void;
  warn: (finding: Finding) => void;
  hasErrors: () => boolean;
  /** True when no further error will be reported but by its number. */
  isFull: () => boolean;
  /** Sorted by line, errors before warnings where the limit is reached, then a note of how many more there are. */
  report: (locate?: Locate, spell?: Spell) => Problem[];
};
/** A place as the file spells it. */
export type Spell = (place: Place) => Place;

export function collectFindings(): Findings {
  const errors: Finding[] = [];
  const warnings: Finding[] = [];
  let errorCount = 0;
  let warningCount = 0;
  return {
    error: (finding) => {
      if (errorCount++ < LIMITS.problems) errors.push(finding);
    },
    warn: (finding) => {
      if (warningCount++ < LIMITS.problems) warnings.push(finding);
    },
    hasErrors: () => errorCount > 0,
    isFull: () => errorCount > LIMITS.problems,
    report: (locate = () => undefined, spell = (place) => place) => {
      const most = LIMITS.problems;
      const kept = [
        ...errors.map((finding) => problemOf("error", finding, locate, spell)),
        ...warnings.map((finding) => problemOf("warning", finding, locate, spell)),
      ].slice(0, most);
      const left = errorCount + warningCount - kept.length;
      kept.sort(
        (one, other) => (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0),
      );
      return left > 0 ? [...kept, closing(left, errorCount > most)] : kept;
    },
  };
}

/** `tasks[3].params["odd key"]` */
export function formatPlace(place: Place): string {
  let text = "";
  for (const key of place) {
    if (typeof key === "number") text += `[${key}]`;
    else if (PLAIN_KEY.test(key)) text += text === "" ? key : `.${key}`;
    else text += `[${JSON.stringify(key)}]`;
  }
  return text;
}

/** A name as messages quote it: without line breaks, and not longer than a line. */
export function quoteName(name: string): string {
  return JSON.stringify(name.length <= NAME_CHARS ? name : `${name.slice(0, NAME_CHARS)}…`);
}

const NAME_CHARS = 100;
const PLAIN_KEY = /^[A-Za-z_][\w-]*$/;

function problemOf(severity: Problem["severity"], finding: Finding, locate: Locate, spell: Spell): Problem {
  const { code, message } = finding;
  const at = spell(finding.at);
  const suggestion = finding.suggest?.();
  return {
    severity,
    code,
    path: formatPlace(at),
    ...(finding.position ?? locate({ ...finding, at })),
    message,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

function closing(left: number, hidesErrors: boolean): Problem {
  const message = `${left} more problem${left === 1 ? "" : "s"}: mend those above first`;
  return { severity: hidesErrors ? "error" : "warning", code: "more_problems", path: "", message };
}
