/**
 * A parsed YAML document as JSON. Not the library's own conversion, since that resolves an alias by walking the whole
 * document, and knows neither lines nor our limits.
 */
import { type Alias, isAlias, isMap, isPair, isScalar, isSeq, type YAMLMap } from "yaml";
import { isJsonObject, type Json, type JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import { quoteName } from "./problems.ts";
import { setOwn } from "./strings.ts";

/** `targets`: the node each alias stands for. */
export type Converted = { value: Json; targets: ReadonlyMap<Alias, unknown> };
export type Report = (
  code: "yaml_syntax" | "duplicate_key" | "too_large",
  node: unknown,
  message: string,
) => void;

export function convertYaml(root: unknown, report: Report): Converted {
  const state: State = { report, anchors: new Map(), done: new Map(), targets: new Map(), writtenOut: 0 };
  return { value: convert(root, state), targets: state.targets };
}

/** A key as JSON has it: text, also where YAML reads a number or a boolean. Undefined for a list or a map. */
export function keyTextOf(key: unknown, targets: ReadonlyMap<Alias, unknown>): string | undefined {
  const node = isAlias(key) ? targets.get(key) : key;
  if (node === null) return "";
  if (!isScalar(node)) return undefined;
  return typeof node.value === "string" ? node.value : (node.source ?? "");
}

/** True for the pair `<<: *other`, which takes over the other map's keys. */
export function isMerge(key: unknown): boolean {
  return isScalar(key) && key.type === "PLAIN" && key.value === "<<";
}

/** `writtenOut`: characters that the aliases so far stand for. */
type State = {
  report: Report;
  anchors: Map<string, unknown>;
  done: Map<unknown, { value: Json; chars: number }>;
  targets: Map<Alias, unknown>;
  writtenOut: number;
};

// Recursion is safe: the tokens were measured.
function convert(node: unknown, state: State): Json {
  if (isAlias(node)) return convertAlias(node, state);
  const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
  if (anchor === undefined) return convertNode(node, state);
  state.anchors.set(anchor, node);
  const before = state.writtenOut;
  const value = convertNode(node, state);
  state.done.set(node, { value, chars: lengthOf(node) + state.writtenOut - before });
  return value;
}

function convertNode(node: unknown, state: State): Json {
  if (isScalar(node))
    return convertScalar(node.value, node.source, () => state.report("yaml_syntax", node, NO_NUMBER));
  if (isSeq(node)) return node.items.map((item) => convertItem(item, state));
  return isMap(node) ? convertMap(node, state) : null;
}

const NO_NUMBER = "JSON has no such number: write a finite one, or quote it to make it text";

function convertScalar(value: unknown, source: string | undefined, refuse: () => void): Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value !== "number") return source ?? String(value);
  if (!Number.isFinite(value)) refuse();
  return Number.isFinite(value) ? value : null;
}

/** `[a: 1]` is a list of a map with one key. */
function convertItem(item: unknown, state: State): Json {
  if (!isPair(item)) return convert(item, state);
  const target: JsonObject = {};
  convertPair(target, item.key, item.value, state);
  return target;
}

function convertMap(map: YAMLMap<unknown, unknown>, state: State): JsonObject {
  const target: JsonObject = {};
  const merged: Json[] = [];
  for (const { key, value } of map.items) {
    if (isMerge(key)) merged.push(convertMerge(value, state));
    else convertPair(target, key, value, state);
  }
  for (const source of merged.flat().filter(isJsonObject)) {
    for (const key of Object.keys(source)) {
      if (!Object.hasOwn(target, key)) setOwn(target, key, source[key] ?? null);
    }
  }
  return target;
}

function convertPair(target: JsonObject, key: unknown, value: unknown, state: State): void {
  // Keys come first: their anchors may be used in the value.
  convert(key, state);
  const text = keyTextOf(key, state.targets);
  if (text === undefined)
    return state.report("yaml_syntax", key, 'a key must be text: quote it if it holds "{" or "["');
  if (Object.hasOwn(target, text))
    state.report("duplicate_key", key, `key ${quoteName(text)} is there twice`);
  setOwn(target, text, convert(value, state));
}

function convertMerge(node: unknown, state: State): Json {
  const value = convert(node, state);
  const isMergeable = Array.isArray(value) ? value.every(isJsonObject) : isJsonObject(value);
  if (!isMergeable) state.report("yaml_syntax", node, '"<<" takes a map, or a list of maps');
  return value;
}

function convertAlias(alias: Alias, state: State): Json {
  const target = state.anchors.get(alias.source);
  if (target === undefined)
    return refuse(`alias "*${alias.source}" has no anchor "&${alias.source}" before it`);
  const done = state.done.get(target);
  if (done === undefined) return refuse(`alias "*${alias.source}" stands inside what it stands for`);
  state.writtenOut += done.chars;
  if (state.writtenOut > LIMITS.yamlBytes) {
    // Said once: what comes after is too large as well.
    if (state.writtenOut - done.chars <= LIMITS.yamlBytes) state.report("too_large", alias, TOO_MUCH);
    return null;
  }
  state.targets.set(alias, target);
  return done.value;

  function refuse(message: string): null {
    state.report("yaml_syntax", alias, message);
    return null;
  }
}

const TOO_MUCH = `written out, the aliases up to here stand for more than ${LIMITS.yamlBytes} characters: use fewer`;

function lengthOf(node: unknown): number {
  if (!isScalar(node) && !isMap(node) && !isSeq(node)) return 0;
  const [start, end] = node.range ?? [0, 0];
  return end - start;
}
