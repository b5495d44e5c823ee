/** A workflow's text, YAML or JSON (which is YAML): its value, and the line of whatever is found in it. */
import { Composer, type Document, isDocument, isNode, LineCounter, type ParsedNode } from "yaml";
import type { Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Findings, Locate, Position, ProblemCode } from "./problems.ts";
import { findOffset, findSource } from "./yaml-position.ts";
import { parseTokens, type TooMuch } from "./yaml-tokens.ts";
import { type Converted, convertYaml } from "./yaml-value.ts";

/** `sourceAt`: a scalar as it is written, which tells `1.0` from `1`. */
export type YamlSource = {
  value: Json;
  locate: Locate;
  sourceAt: (place: readonly (string | number)[]) => string | undefined;
};

/** Undefined where the text is too large, too deep or no YAML; the findings then say why. */
export function readYaml(text: string, findings: Findings): YamlSource | undefined {
  if (!isSmall(text, findings)) return undefined;
  const lines = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const report = (code: ProblemCode, message: string, offset: number) =>
    findings.error({ code, at: [], message, position: positionAt(offset) });
  const documents = compose(text, lines, report);
  const [document, second] = documents;
  if (document === undefined) return undefined;
  reportSyntax(document, findings, positionAt);
  if (second !== undefined) {
    const message = 'a second document begins here ("---"): put each workflow into a file of its own';
    report("yaml_syntax", message, second.range[0]);
  }
  if (findings.hasErrors()) return undefined;
  return convert(document, text, findings, positionAt);
}

type Parsed = Document.Parsed<ParsedNode>;

function isSmall(text: string, findings: Findings): boolean {
  // A character takes at least one byte, so the first question saves encoding a text of any size.
  const isLarge = text.length > LIMITS.yamlBytes || new TextEncoder().encode(text).length > LIMITS.yamlBytes;
  if (!isLarge) return true;
  const message = `the text is over ${LIMITS.yamlBytes} bytes: split the workflow, or send it as a JSON object`;
  findings.error({ code: "too_large", at: [], message });
  return false;
}

type Report = (code: ProblemCode, message: string, offset: number) => void;

const TOO_MUCH: Record<TooMuch, string> = {
  too_deep: `nested too deeply here: at most ${LIMITS.depth} levels`,
  too_large: `more than ${LIMITS.yamlTokens} texts, signs and spaces up to here: split the workflow, or send it as a JSON object`,
};

/** At most two documents: a second one is an error, and the rest is not looked at. None where it was too much. */
function compose(text: string, lines: LineCounter, report: Report): Parsed[] {
  const documents: Parsed[] = [];
  let isTooMuch = false;
  const tokens = parseTokens(text, lines.addNewLine, (what, offset) => {
    isTooMuch = true;
    report(what, TOO_MUCH[what], offset);
  });
  try {
    for (const document of makeComposer(report).compose(tokens, true, text.length)) {
      if (isTooMuch) return [];
      documents.push(document);
      if (documents.length === 2) break;
    }
  } catch (thrown) {
    // Crafted texts overflow the library's stack; whatever it throws, the text is at fault.
    if (thrown !== ENOUGH)
      report("yaml_syntax", "YAML: the text cannot be read: it is nested in a way that has no end", 0);
    return [];
  }
  return documents;
}

const ENOUGH = new Error("enough");
type Source = number | [number, number] | { offset: number };

/**
 * The library's composer makes an error object for each fault of a text, and a MiB can hold a million: it is stopped
 * at as many as are reported. Its handler is the one way in, and private.
 */
function makeComposer(report: Report): Composer {
  const options = { prettyErrors: false, logLevel: "silent", resolveKnownTags: false } as const;
  // Keys are compared in yaml-value.ts: the library compares each with each.
  const composer = new Composer({ ...options, uniqueKeys: false });
  const onError = composer["onError"];
  const first: { message: string; offset: number }[] = [];
  composer["onError"] = (source: Source, code: string, message: string, isWarning?: boolean) => {
    onError(source, code, message, isWarning);
    const offset = typeof source === "number" ? source : "offset" in source ? source.offset : source[0];
    if (isWarning !== true) first.push({ message, offset });
    if (first.length < LIMITS.problems) return;
    for (const fault of first) report("yaml_syntax", `YAML: ${fault.message}`, fault.offset);
    throw ENOUGH;
  };
  return composer;
}

function reportSyntax(document: Parsed, findings: Findings, positionAt: (offset: number) => Position): void {
  for (const { message, pos } of document.errors) {
    findings.error({
      code: "yaml_syntax",
      at: [],
      message: `YAML: ${message}`,
      position: positionAt(pos[0]),
    });
  }
  for (const { message, pos } of document.warnings) {
    findings.warn({ code: "yaml_syntax", at: [], message: `YAML: ${message}`, position: positionAt(pos[0]) });
  }
}

function convert(
  document: Parsed,
  text: string,
  findings: Findings,
  positionAt: (offset: number) => Position,
): YamlSource {
  const root = document.contents;
  const converted: Converted = convertYaml(root, (code, node, message) => {
    const offset = isNode(node) && !isDocument(node) ? (node.range?.[0] ?? 0) : 0;
    findings.error({ code, at: [], message, position: positionAt(offset) });
  });
  const tree = { root, targets: converted.targets, text };
  return {
    value: converted.value,
    locate: (finding) => {
      const offset = findOffset(tree, finding);
      return offset === undefined ? undefined : positionAt(offset);
    },
    sourceAt: (place) => findSource(tree, place),
  };
}
