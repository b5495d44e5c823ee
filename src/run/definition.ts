/** What a run is started with, as it travels and rests: JSON in UTF-8, made by ingress and read by the run alone. */
import type { RunId } from "../contract/id.ts";
import { decodeJson, encodeJson, type Json, type JsonObject } from "../contract/json.ts";
import type { Trigger } from "../contract/run.ts";
import type { Definition } from "../engine/run.ts";

export type Stored = Definition & {
  /** Of what the caller sent: two requests with one Idempotency-Key must be the same. */
  digest: string;
  actor: string;
  trigger: Trigger;
  tags: Record<string, string>;
  metadata: JsonObject;
};

export function encodeStored(stored: Stored): Uint8Array {
  return encodeJson(stored as unknown as Json);
}

/** Trusts the bytes: both ends are this file, and everything in them was checked before. */
export function parseStored(bytes: Uint8Array): Stored & { id: RunId } {
  return decodeJson(bytes) as unknown as Stored;
}
