/** Whatever a document holds and however large it is, its rows give it back to the byte. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeJson } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import { cutProjection, joinProjection, measureProjection } from "../../src/history/document.ts";
import { sampleRun } from "./sample.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

test("a projection survives being cut, in texts that fit a row, and all of them are measured", () => {
  const anyText = fc.string({ unit: "binary", minLength: 1, maxLength: 9 });
  const anyBytes = fc.nat(3 * LIMITS.rowBytes);
  fc.assert(
    fc.property(anyText, anyBytes, fc.nat(2 * LIMITS.metadataBytes), (text, documentBytes, inputBytes) => {
      const filled = (bytes: number) => text.repeat(Math.ceil(bytes / bytesOf(text)));
      const summary = sampleRun(1, { inputs: { text: filled(inputBytes) } });
      const document = encodeJson(filled(documentBytes));
      const projection = { revision: 5, summary, document };
      const { row, parts } = cutProjection(projection);
      const texts = [row.document, ...parts];
      const written = [JSON.stringify(row.summary), ...texts].map(bytesOf);
      const measured = measureProjection(projection);
      expect(measured - written.reduce((sum, bytes) => sum + bytes)).toBe(bytesOf("{}"));
      expect(Math.max(...texts.map(bytesOf))).toBeLessThanOrEqual(LIMITS.rowBytes);
      const joined = joinProjection(row, texts);
      expect(joined.summary).toEqual(summary);
      expect(Buffer.compare(joined.document, document)).toBe(0);
    }),
    { seed: 11, numRuns: 40 },
  );
});
