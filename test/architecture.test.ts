/** What the linter cannot see: purity of the folders the simulation runs, and sizes that say a concept is missing. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const SOURCE = new URL("../src", import.meta.url).pathname;
const PURE = ["contract", "spec", "engine"];
/** Clock, randomness, timers, platform, code from text. Dates made from a given time are fine. */
const IMPURE = [
  /\bDate\.now\b/,
  /\bnew Date\(\)/,
  /\bMath\.random\b/,
  /\bcrypto\./,
  /\bset(Timeout|Interval)\b/,
  /\bfetch\(/,
  /"cloudflare:/,
  /"node:/,
  /\bprocess\./,
];
const LINES_MOST = 400;
const LINES_MEDIAN_MOST = 130;

const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => ({ name, text: readFileSync(join(SOURCE, name), "utf8") }));

describe("the architecture", () => {
  it.each(PURE)("src/%s has no clock, no randomness, no platform", (folder) => {
    const impure = files
      .filter(({ name }) => name.startsWith(`${folder}/`))
      .flatMap(({ name, text }) =>
        IMPURE.filter((pattern) => pattern.test(code(text))).map((p) => `${name}: ${p}`),
      );
    expect(impure).toEqual([]);
  });

  it("no code is made from text at run time", () => {
    const found = files.filter(({ text }) => /\beval\(|new Function\(/.test(code(text)));
    expect(found.map(({ name }) => name)).toEqual([]);
  });

  it(`no file is longer than ${LINES_MOST} lines, and half of them are shorter than ${LINES_MEDIAN_MOST}`, () => {
    const lengths = files.map(({ name, text }) => ({ name, lines: text.split("\n").length }));
    expect(lengths.filter(({ lines }) => lines > LINES_MOST)).toEqual([]);
    const sorted = lengths.map(({ lines }) => lines).sort((a, b) => a - b);
    expect(sorted[sorted.length >> 1]).toBeLessThan(LINES_MEDIAN_MOST);
  });

  it("no type is silenced", () => {
    const silenced = /(: any\b(?! [a-z])|\bas any\b|<any>|@ts-ignore|@ts-expect-error)/;
    expect(files.filter(({ text }) => silenced.test(code(text))).map(({ name }) => name)).toEqual([]);
  });
});

/** The text without comments: they may speak of what the code must not do. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}
