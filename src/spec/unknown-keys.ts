/** Keys of a request that mean nothing here: refused, since what was meant by them would not happen. */
import type { JsonObject } from "../contract/json.ts";
import { LIMITS } from "../contract/limits.ts";
import type { Subject } from "./shape.ts";

export function refuseUnknownKeys(value: JsonObject, names: readonly string[], about: Subject): void {
  const { at, subject, findings, suggest } = about;
  for (const key of Object.keys(value)) {
    if (names.includes(key)) continue;
    const message = `${subject}${key.slice(0, LIMITS.nameChars)} is not known here: there are ${names.join(", ")}`;
    findings.error({ code: "unknown_key", at: [...at, key], message, suggest: () => suggest(key, names) });
  }
}
