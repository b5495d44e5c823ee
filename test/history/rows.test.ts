/** Whatever a record holds and however large it is, its rows give it back to the byte. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeJson } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { cutProjection, joinRecord } from "../../src/history/rows.ts";
import { NOON, sampleRun } from "./sample.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

test("a record survives being cut, in texts that fit a row", () => {
  const anyText = fc.string({ unit: "binary", minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(anyText, fc.nat(3 * LIMITS.rowBytes), (text, recordBytes) => {
      const record = encodeJson(text.repeat(Math.ceil(recordBytes / bytesOf(text))));
      const { row, parts } = cutProjection({ revision: 5, summary: sampleRun(1), record }, NOON);
      const texts = [row.record, ...parts];
      expect(row.recordBytes).toBe(record.length);
      expect(bytesOf(row.record)).toBeLessThanOrEqual(LIMITS.rowBytes / 2);
      expect(Math.max(...texts.map(bytesOf))).toBeLessThanOrEqual(LIMITS.rowBytes);
      expect(Buffer.compare(joinRecord(texts), record)).toBe(0);
    }),
    { seed: 11, numRuns: 40 },
  );
});
