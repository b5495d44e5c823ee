/** When a server may be started again, and how its output becomes lines. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { type Line, splitLines } from "../../src/local/mcp-bridge-lines.ts";
import { countStarts } from "../../src/local/mcp-bridge-starts.ts";

it("lets a server that worked start again at once, five times a minute", () => {
  const starts = countStarts();
  for (const at of [0, 10, 20, 30]) {
    starts.started(at);
    starts.succeeded();
    expect(starts.waitMs(at)).toBe(0);
  }
  starts.started(40);
  expect(starts.waitMs(40)).toBe(59_960);
  expect(starts.waitMs(60_000)).toBe(0);
  starts.started(60_000);
  expect(starts.waitMs(60_000)).toBe(10);
});

it("lets one that failed wait twice as long each time, up to half a minute, until it works", () => {
  const starts = countStarts();
  const waits = Array.from({ length: 7 }, () => {
    starts.failed(0);
    return starts.waitMs(0);
  });
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  starts.succeeded();
  expect(starts.waitMs(0)).toBe(0);
});

it("finds the same lines however the bytes are cut into pieces", () => {
  const texts = fc.array(fc.string({ unit: "grapheme", maxLength: 12 }), { maxLength: 8 });
  const property = fc.property(texts, fc.array(fc.nat(40)), (given, cuts) => {
    const wanted = given.map((text) => text.replaceAll("\n", "").trim()).filter((text) => text !== "");
    const bytes = Buffer.from(wanted.map((text) => `${text}\n`).join(""));
    expect(linesOf(bytes, cuts, 1000)).toEqual(wanted.map((text) => ({ text, isCut: false })));
  });
  fc.assert(property, { seed: 3, numRuns: 200 });
});

it("hands on the beginning of a line that is too long, once, and goes on with the next", () => {
  const bytes = Buffer.from("abcdefghij\nklm\nabcde\nabcdef\n");
  const wanted = [
    { text: "abcde", isCut: true },
    { text: "klm", isCut: false },
    { text: "abcde", isCut: false },
    { text: "abcde", isCut: true },
  ];
  for (const size of [1, 2, 3, 7, 100]) expect(linesOf(bytes, Array(40).fill(size), 5)).toEqual(wanted);
});

function linesOf(bytes: Buffer, sizes: number[], bytesMax: number): Line[] {
  const lines: Line[] = [];
  const take = splitLines(bytesMax, (line) => lines.push(line));
  let from = 0;
  for (const size of sizes) {
    take(bytes.subarray(from, from + size));
    from += size;
  }
  take(bytes.subarray(from));
  return lines;
}
