/** What a terminal needs to know of text: how wide it is, what must not reach it, and whether it wants colours. */

type Colour = "red" | "green" | "yellow" | "dim" | "bold";
const CODES: Record<Colour, number> = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 };
export type Paint = (colour: Colour, text: string) => string;

/** Colours on a terminal that has them, unless NO_COLOR is set (https://no-color.org). */
export function paintFor(stream: { isTTY?: boolean }): Paint {
  const isColoured = stream.isTTY === true && !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb";
  return (colour, text) => (isColoured ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text);
}

/** Models and scripts say what they like: nothing of it may move the cursor or call itself something else. */
export function harmless(text: string): string {
  return text.replace(CONTROL, "\u00b7");
}

/** The same on one line. */
export function oneLine(text: string): string {
  return harmless(text.replace(/\s+/g, " ")).trim();
}

/** A text that fits into so many columns: cut, with `…`, where it is longer. */
export function cutTo(text: string, columns: number): string {
  let width = 0;
  let kept = "";
  let cut = "";
  for (const { segment } of segmenter.segment(text)) {
    width += widthOf(segment);
    if (width > columns) return columns > 0 ? `${cut}…` : "";
    kept += segment;
    if (width < columns) cut = kept;
  }
  return text;
}

/** Columns that a text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

const segmenter = new Intl.Segmenter();
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it is about
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;
/** East Asian scripts and emoji take two columns. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
