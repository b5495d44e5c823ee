/** What a value breaks of its schema, in words that name it and say what to write instead. */
import type { OutputUnit } from "@cfworker/json-schema";
import { isJsonObject, type Json, type JsonObject, ownValue } from "../contract/json.ts";
import { formatPlace } from "./problems.ts";
import type { Place } from "./strings.ts";

type Error = OutputUnit & { path: Place };
/** `alternatives`: the errors inside an `anyOf`, where each of its branches wants one thing of the value itself. */
export type Explained = {
  error: Error;
  schema: JsonObject;
  name: string;
  value: Json | undefined;
  alternatives: Error[];
};

export function explainViolation(explained: Explained): string {
  const { error, schema, name, value } = explained;
  const subject = formatPlace([name, ...error.path]);
  const rule = ruleAt(schema, error.keywordLocation);
  switch (error.keyword) {
    case "required":
      return `${subject} needs ${quote(missingKey(error.error))}`;
    case "type":
      return `${subject} must be ${typeNames(rule)}, not ${describeValue(value)}`;
    case "enum":
      return `${subject} must be ${listChoices(rule)}, not ${describeValue(value)}`;
    case "const":
      return `${subject} must be ${print(rule ?? null)}, not ${describeValue(value)}`;
    case "false":
      return `${subject} is not known here: remove it`;
    case "anyOf":
    case "oneOf":
      return `${subject} ${explainAlternatives(explained)}`;
    default:
      return `${subject} ${explainLimit(error.keyword, rule, value)}`;
  }
}

/** `42`, `the string "abc"`, `a list of 3`: a value as messages name it; long ones are cut. */
export function describeValue(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === "object") return "an object";
  const printed = typeof value === "string" ? JSON.stringify(cut(value)) : String(value);
  return typeof value === "string" ? `the string ${printed}` : printed;
}

/** `a, b or c` */
export function listWords(words: readonly string[], last: "and" | "or"): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

/** The values of an `enum`, as far as a message can hold them. */
function listChoices(rule: Json | undefined): string {
  const choices = Array.isArray(rule) ? rule : [];
  const more = choices.length - CHOICES;
  const shown = choices.slice(0, CHOICES).map(print);
  return more > 0 ? `${shown.join(", ")} or one of ${more} others` : listWords(shown, "or");
}

const CHOICES = 20;

/** A JSON Schema type as messages name it. */
export function typeName(type: Json | undefined): string {
  return (typeof type === "string" ? TYPE_NAMES[type] : undefined) ?? print(type ?? null);
}

const TYPE_NAMES: Record<string, string> = {
  string: "a string",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  null: "null",
};
const CHARS = 60;
/** The rules that compare with one number or text: what is asked, before and after that. */
const LIMIT_WORDS: Record<string, [string, string]> = {
  minimum: ["must be at least", ""],
  maximum: ["must be at most", ""],
  exclusiveMinimum: ["must be more than", ""],
  exclusiveMaximum: ["must be less than", ""],
  multipleOf: ["must be a multiple of", ""],
  minLength: ["must have at least", " character"],
  maxLength: ["must have at most", " character"],
  pattern: ["must match the pattern", ""],
  format: ["must have the form", ""],
  minItems: ["must have at least", " item"],
  maxItems: ["must have at most", " item"],
  minProperties: ["must have at least", " key"],
  maxProperties: ["must have at most", " key"],
};

function explainLimit(keyword: string, rule: Json | undefined, value: Json | undefined): string {
  const words = LIMIT_WORDS[keyword];
  if (words === undefined) return `breaks the rule "${keyword}" of its schema`;
  const plural = words[1] === "" || rule === 1 ? "" : "s";
  const asked = `${words[0]} ${typeof rule === "string" ? rule : print(rule ?? null)}${words[1]}${plural}`;
  return isJsonObject(value) || Array.isArray(value) ? asked : `${asked}, not ${describeValue(value)}`;
}

function explainAlternatives({ error, schema, value, alternatives }: Explained): string {
  const direct = alternatives.filter(({ path }) => path.length === error.path.length);
  const required = direct.filter(({ keyword }) => keyword === "required");
  if (required.length > 0 && required.length === direct.length)
    return `needs ${requiredSets(error, required)}`;
  const wanted = direct.flatMap(({ keyword, keywordLocation }) => {
    const rule = ruleAt(schema, keywordLocation);
    if (keyword === "type") return [typeNames(rule)];
    return keyword === "enum" && Array.isArray(rule) ? rule.map(print) : [];
  });
  if (wanted.length > 0)
    return `must be ${listWords([...new Set(wanted)], "or")}, not ${describeValue(value)}`;
  return error.keyword === "oneOf" && direct.length === 0
    ? "fits more than one of the alternatives of its schema: leave one out"
    : "fits none of the alternatives of its schema";
}

/** What each branch misses: `"messages" or "prompt"`, `"a" and "b", or "arguments"`. */
function requiredSets(error: Error, required: Error[]): string {
  const sets = new Map<string, string[]>();
  for (const { keywordLocation, error: text } of required) {
    const branch = keywordLocation.slice(error.keywordLocation.length);
    sets.set(branch, [...(sets.get(branch) ?? []), quote(missingKey(text))]);
  }
  return listWords([...new Set([...sets.values()].map((set) => listWords(set, "and")))], "or");
}

function typeNames(rule: Json | undefined): string {
  return Array.isArray(rule) ? listWords(rule.map(typeName), "or") : typeName(rule);
}

/** The validator names the key in its sentence only. */
function missingKey(sentence: string): string {
  return /property "(.*)"\.$/s.exec(sentence)?.[1] ?? "a key";
}

/** What the schema says at a pointer, which may lead through `$ref`. */
function ruleAt(schema: JsonObject, pointer: string): Json | undefined {
  let at: Json | undefined = schema;
  for (const part of pointer.split("/").slice(1)) {
    const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    if (Array.isArray(at)) at = at[Number(key)];
    else at = isJsonObject(at) ? ownValue(at, key) : undefined;
    if (key === "$ref") at = typeof at === "string" && at.startsWith("#") ? ruleAt(schema, at) : undefined;
  }
  return at;
}

function print(value: Json): string {
  return cut(JSON.stringify(value));
}

function quote(text: string): string {
  return JSON.stringify(cut(text));
}

function cut(text: string): string {
  return text.length <= CHARS ? text : `${text.slice(0, CHARS)}…`;
}
