/** A cursor goes back to the id it was made of; anything else a client may send is refused by name. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { makeRunId } from "../../src/contract/id.ts";
import { encodeCursor, parseCursor } from "../../src/history/cursor.ts";

const seeded = { seed: 10, numRuns: 500 };
const anyId = fc
  .tuple(fc.nat(2 ** 50 - 1), fc.uint8Array({ minLength: 10, maxLength: 10 }))
  .map(([time, bytes]) => makeRunId(time, bytes));
const refusal = expect.objectContaining({
  code: "invalid_request",
  message: expect.stringContaining("cursor"),
});

test("every id survives, in characters that a URL leaves alone", () => {
  fc.assert(
    fc.property(anyId, (id) => {
      const cursor = encodeCursor(id);
      expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(parseCursor(cursor)).toBe(id);
    }),
    seeded,
  );
});

test("any other text is refused as `cursor`", () => {
  const junk = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.base64String(),
    anyId,
    anyId.map((id) => ` ${encodeCursor(id)}`),
    anyId.map((id) => encodeCursor(id).slice(1)),
    anyId.map((id) => btoa(`${id}' or 1=1`)),
  );
  fc.assert(
    fc.property(junk, (text) => {
      expect(() => parseCursor(text)).toThrow(refusal);
    }),
    seeded,
  );
});
