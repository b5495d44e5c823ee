/** JSON values: everything that crosses a boundary of Gleitzeit is one. */
import * as z from "zod";

export type Json = null | boolean | number | string | Json[] | JsonObject;
export type JsonObject = { [key: string]: Json };

/** Any JSON value. Depth and size are looked at before a body is parsed (limits.ts), so this only checks the type. */
export const json: z.ZodType<Json> = z.json() as z.ZodType<Json>;
export const jsonObject: z.ZodType<JsonObject> = z.record(z.string(), json);

/** True for `{…}`: not null, not a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value under a key of its own; never one of the prototype's (`constructor`, `__proto__`). */
export function ownValue(value: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** JSON as UTF-8 bytes: how results, params and answers travel and rest. RPC counts bytes, not characters. */
export function encodeJson(value: Json): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** The inverse of {@link encodeJson}; throws a `SyntaxError` on bytes that are not JSON. */
export function decodeJson(bytes: Uint8Array): Json {
  return JSON.parse(decoder.decode(bytes));
}
