/** Text that arrives in pieces, of which only the first bytes are kept: a flood costs no more memory than its limit. */
type CappedText = { add(piece: Uint8Array): void; text(): string };

export function capText(bytesMax: number): CappedText {
  // One growing buffer: a list of pieces would weigh more than its text where each holds a byte or two.
  let buffer = Buffer.alloc(0);
  let bytesKept = 0;
  let bytesSeen = 0;
  return {
    add(piece) {
      const part = piece.subarray(0, bytesMax - bytesKept);
      buffer = grow(buffer, bytesKept + part.length);
      buffer.set(part, bytesKept);
      bytesKept += part.length;
      bytesSeen += piece.length;
    },
    text() {
      const isCut = bytesSeen > bytesKept;
      // `stream` holds back a character cut in two at the limit; at a true end it shows as U+FFFD.
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      const text = decoder.decode(buffer.subarray(0, bytesKept), { stream: isCut });
      return isCut
        ? `${text}\n[cut here: ${bytesSeen} bytes in all, the first ${bytesMax} are kept]\n`
        : text;
    },
  };
}

function grow(buffer: Buffer<ArrayBuffer>, bytes: number): Buffer<ArrayBuffer> {
  if (bytes <= buffer.length) return buffer;
  const larger = Buffer.alloc(Math.max(bytes, 2 * buffer.length));
  larger.set(buffer);
  return larger;
}
