/** A workflow's text, YAML or JSON (which is YAML): its value, and the line of whatever is found in it. */
import { Composer, type Document, isDocument, isNode, LineCounter, type ParsedNode } from "yaml";
import type { Json } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Findings, Locate, Position } from "./problems.ts";
import { findOffset, findSource } from "./yaml-position.ts";
import { parseTokens } from "./yaml-tokens.ts";
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
  const documents = compose(text, lines, (offset) => {
    const message = `nested too deeply here: at most ${LIMITS.depth} levels`;
    findings.error({ code: "too_deep", at: [], message, position: positionAt(offset) });
  });
  const [document, second] = documents;
  if (document === undefined) return undefined;
  reportSyntax(document, findings, positionAt);
  if (second !== undefined) {
    const message = 'a second document begins here ("---"): put each workflow into a file of its own';
    findings.error({ code: "yaml_syntax", at: [], message, position: positionAt(second.range[0]) });
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

/** At most two documents: a second one is an error, and the rest is not looked at. */
function compose(text: string, lines: LineCounter, onTooDeep: (offset: number) => void): Parsed[] {
  let isTooDeep = false;
  const stop = (offset: number): void => {
    isTooDeep = true;
    onTooDeep(offset);
  };
  // Keys are compared in yaml-value.ts: the library compares each with each.
  const composer = new Composer({
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
    resolveKnownTags: false,
  });
  const documents: Parsed[] = [];
  for (const document of composer.compose(parseTokens(text, lines.addNewLine, stop), true, text.length)) {
    if (isTooDeep) return [];
    documents.push(document);
    if (documents.length === 2) break;
  }
  return documents;
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
