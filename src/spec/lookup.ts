/** The value a reference's path leads to, and the message where it leads nowhere. */
import { isJsonObject, type Json, ownValue } from "../contract/json.ts";
import type { Reference } from "./template.ts";

/** Heads that are not tasks; their keys have no aliases. */
export const RESERVED_HEADS: readonly string[] = ["inputs", "run"];

const KEYS_NAMED = 20;
const KEY_CHARS = 60;
const INDEX = /^(?:0|[1-9]\d{0,14})$/;

/** Own properties only; the aliases `result`, `content` and `response` of a task's result included. */
export function lookUp(reference: Reference, root: Json): { value: Json } | { message: string } {
  const isTask = !RESERVED_HEADS.includes(reference.head);
  const path = isTask ? withoutAlias(reference.path, root) : reference.path;
  let value = root;
  for (const [depth, key] of path.entries()) {
    const own = childOf(value, key);
    // Null is a value like any other.
    const next = own === undefined && isTask && depth === 0 ? twinOf(value, key) : own;
    if (next === undefined) return { message: explain(reference, path.slice(0, depth), key, value) };
    value = next;
  }
  return { value };
}

/** `result` stands for the result itself where the result has no such key. */
function withoutAlias(path: string[], root: Json): string[] {
  return path[0] === "result" && childOf(root, "result") === undefined ? path.slice(1) : path;
}

function childOf(value: Json, key: string): Json | undefined {
  if (Array.isArray(value)) return INDEX.test(key) ? value[Number(key)] : undefined;
  return isJsonObject(value) ? ownValue(value, key) : undefined;
}

/** A chat's text is `content` to some workflows and `response` to others. */
function twinOf(value: Json, key: string): Json | undefined {
  if (key === "content") return childOf(value, "response");
  return key === "response" ? childOf(value, "content") : undefined;
}

function explain(reference: Reference, walked: string[], key: string, value: Json): string {
  const place = walked.length > 0 ? quote([reference.head, ...walked].join(".")) : nameOf(reference.head);
  return `${quote(reference.text)}: ${place} has no ${quote(key)}; ${describe(value)}`;
}

function nameOf(head: string): string {
  return RESERVED_HEADS.includes(head) ? quote(head) : `task ${quote(head)}`;
}

function describe(value: Json): string {
  if (value === null) return "it is null";
  if (Array.isArray(value)) return `it is a list of ${value.length} item${value.length === 1 ? "" : "s"}`;
  if (typeof value !== "object") return `it is ${SCALARS[typeof value] ?? "no object"}`;
  return describeKeys(Object.keys(value));
}

const SCALARS: Record<string, string> = { string: "text", number: "a number", boolean: "true or false" };

function describeKeys(keys: string[]): string {
  if (keys.length === 0) return "it is empty";
  const named = keys.slice(0, KEYS_NAMED).map(cut).join(", ");
  return keys.length > KEYS_NAMED
    ? `it has: ${named} and ${keys.length - KEYS_NAMED} more`
    : `it has: ${named}`;
}

function quote(text: string): string {
  return `"${cut(text)}"`;
}

function cut(text: string): string {
  return text.length <= KEY_CHARS ? text : `${text.slice(0, KEY_CHARS)}…`;
}
