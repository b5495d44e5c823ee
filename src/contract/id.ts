/** Run ids: `run_` + 10 characters of time + 16 that name the run's object (Crockford base 32, lower case). */
import * as z from "zod";

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const TIME_CHARS = 10;
const NAME_CHARS = 16;
const PREFIX = "run_";

export const runId = z.string().regex(/^run_[0-9a-hjkmnp-tv-z]{26}$/);
export type RunId = string;

/** A run's id from the time it was made (ms since 1970) and 10 bytes: random ones, or a hash of what started it. */
export function makeRunId(createdAt: number, bytes: Uint8Array): RunId {
  return PREFIX + encodeTime(createdAt) + encodeBytes(bytes.subarray(0, 10));
}

/** The name of the Durable Object that is this run. */
export function objectNameOf(id: RunId): string {
  return id.slice(PREFIX.length + TIME_CHARS);
}

/** A whole number from 0 to 2³²−1 that depends on the text alone (FNV-1a): jitter, spread and placement, never secrets. */
export function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  // FNV's low bits are good, its high ones are not for short texts: mix once more.
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d);
  return (value ^ (value >>> 13)) >>> 0;
}

/** A number from 0 to 1 that depends on the text alone. */
export function shareOf(text: string): number {
  return hash(text) / 0xffffffff;
}

/** A factor in 1 ± spread that depends on the text alone. */
export function spreadOf(text: string, spread: number): number {
  return 1 + spread * (2 * shareOf(text) - 1);
}

function encodeTime(time: number): string {
  let text = "";
  for (let rest = Math.floor(time), index = 0; index < TIME_CHARS; index++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}

function encodeBytes(bytes: Uint8Array): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = ((buffer << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET.charAt((buffer >>> bits) & 31);
    }
  }
  return text.padEnd(NAME_CHARS, "0");
}
