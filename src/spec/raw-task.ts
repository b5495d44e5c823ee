/** What a task of a workflow file says, before its spelling is made canonical. */
import { isJsonObject, type JsonObject, ownValue } from "../contract/json.ts";

/** The protocol's name without its version: `llm`, `python`, … */
export function familyOf(task: JsonObject): string {
  const method = textUnder(task, "method") ?? "";
  const named = textUnder(task, "protocol") ?? (method.includes("/") ? method : "python");
  return firstSegment(named);
}

/** The method without its protocol: `chat` of `llm/chat`. */
export function verbOf(task: JsonObject): string {
  const method = textUnder(task, "method") ?? "";
  return method.slice(method.lastIndexOf("/") + 1);
}

/** A task's params, and the key the file has them under. */
export function paramsOf(task: JsonObject): { key: "params" | "parameters"; params: JsonObject } {
  const params = ownValue(task, "params");
  if (isJsonObject(params)) return { key: "params", params };
  const parameters = ownValue(task, "parameters");
  return isJsonObject(parameters) ? { key: "parameters", params: parameters } : { key: "params", params: {} };
}

/** What messages call the task: its id, else its name, else its number, counted from 1. */
export function labelOf(task: JsonObject, index: number): string {
  return textUnder(task, "id") ?? textUnder(task, "name") ?? `task-${index + 1}`;
}

export function textUnder(value: JsonObject, key: string): string | undefined {
  const found = ownValue(value, key);
  return typeof found === "string" && found !== "" ? found : undefined;
}

/** A copy without these keys. */
export function without(value: JsonObject, ...keys: string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

function firstSegment(text: string): string {
  return text.split("/", 1)[0] ?? text;
}
