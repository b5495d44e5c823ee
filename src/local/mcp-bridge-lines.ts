/** Lines out of a stream of bytes, with a bound on what is kept of one. */

export type Line = { text: string; isCut: boolean };

/** Takes the next bytes. What is longer than `bytesMax` is handed on cut, and the rest of that line is left out. */
export function splitLines(bytesMax: number, onLine: (line: Line) => void): (piece: Buffer) => void {
  let kept: Buffer[] = [];
  let bytes = 0;
  let isCut = false;

  function keep(part: Buffer): void {
    if (isCut) return;
    isCut = bytes + part.length > bytesMax;
    kept.push(part.subarray(0, bytesMax - bytes));
    bytes += part.length;
    if (isCut) hand();
  }

  function hand(): void {
    const text = Buffer.concat(kept).toString("utf8").trim();
    kept = [];
    bytes = 0;
    if (text !== "") onLine({ text, isCut });
  }

  return (piece) => {
    let from = 0;
    for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, from)) {
      keep(piece.subarray(from, end));
      if (!isCut) hand();
      isCut = false;
      from = end + 1;
    }
    keep(piece.subarray(from));
  };
}
