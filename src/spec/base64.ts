/** Bytes as base64, without Node's Buffer: this also runs in browsers and in workerd. */

// A multiple of 3, so that only the last piece is padded; small enough to be the arguments of one call.
const PIECE_BYTES = 3 * 8192;

export function encodeBase64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    pieces.push(btoa(String.fromCharCode(...bytes.subarray(from, from + PIECE_BYTES))));
  }
  return pieces.join("");
}
