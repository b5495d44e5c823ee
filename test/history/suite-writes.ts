/** Writing and reading: revisions, sizes, whatever is in a record. */
import { beforeEach, describe, expect, test } from "vitest";
import { decodeJson, encodeJson, type Json } from "../../src/contract/json.ts";
import { LIMITS } from "../../src/contract/limits.ts";
import type { RunHistory } from "../../src/history/run-history.ts";
import { sampleProjection, sampleRun } from "./sample.ts";

/** Where a record is first cut, by the backends that cut it. */
const HEAD_BYTES = LIMITS.rowBytes / 2;

export function describeWrites(open: () => Promise<RunHistory>): void {
  let history: RunHistory;
  beforeEach(async () => {
    history = await open();
  });

  const readRecord = async (id: string) => {
    const found = await history.read(id);
    return found && decodeJson(found.record);
  };

  describe("revisions", () => {
    test("what is read is what was written last, to the byte", async () => {
      const summary = sampleRun(1, { inputs: { who: "Zoë" }, tags: { team: "a" }, metadata: { note: null } });
      const record = encodeJson({ tasks: [], results: { hello: { response: "hi" } }, journal: [] });
      await history.write([{ revision: 7, summary, record }]);
      expect(await history.read(summary.id)).toEqual({ revision: 7, summary, record });
    });

    test("a run that is not in history is not found, nor listed, nor counted", async () => {
      expect(await history.read(sampleRun(1).id)).toBeUndefined();
      expect(await history.list({}, { limit: 50 })).toEqual({ items: [], nextCursor: null });
      expect(await history.page(undefined)).toEqual([]);
      const none = { pending: 0, running: 0, paused: 0, completed: 0, failed: 0, cancelled: 0 };
      expect(await history.count()).toEqual(none);
    });

    test("a later revision replaces an earlier one", async () => {
      const run = sampleRun(1);
      await history.write([sampleProjection({ ...run, status: "running" }, 3, "early")]);
      await history.write([sampleProjection(run, 5, "late")]);
      expect((await history.read(run.id))?.summary.status).toBe("completed");
      expect(await readRecord(run.id)).toBe("late");
    });

    test("another content of the same revision is taken where it replaces that, and nothing else goes", async () => {
      const [one, other] = [sampleRun(1, { tags: { team: "a" } }), sampleRun(2)];
      await history.write([sampleProjection(one, 5, "old"), sampleProjection(other, 5, "kept")]);
      const fresh = { ...one, tags: { team: "b" } };
      await history.write([sampleProjection(fresh, 5, "new")], [{ id: one.id, revision: 4 }]);
      expect(await readRecord(one.id)).toBe("old");
      await history.write([sampleProjection(fresh, 5, "new")], [{ id: one.id, revision: 5 }]);
      expect([await readRecord(one.id), await readRecord(other.id)]).toEqual(["new", "kept"]);
      expect((await history.count()).completed).toBe(2);
      const tagged = (value: string) => history.list({ tag: { key: "team", value } }, { limit: 5 });
      expect([(await tagged("a")).items, (await tagged("b")).items]).toEqual([[], [fresh]]);
    });

    test("an earlier revision that arrives late is ignored, however large it is", async () => {
      const run = sampleRun(1);
      await history.write([sampleProjection(run, 5, "late")]);
      const early = sampleProjection({ ...run, status: "running" }, 3, "x".repeat(2 * LIMITS.rowBytes));
      await history.write([early]);
      expect((await history.read(run.id))?.summary.status).toBe("completed");
      expect(await readRecord(run.id)).toBe("late");
    });

    test("of two projections of a run in one batch the later one stays, in whichever order they come", async () => {
      const [one, other] = [sampleRun(1), sampleRun(2)];
      await history.write([
        sampleProjection(one, 3, "early"),
        sampleProjection(other, 5, "late"),
        sampleProjection(one, 5, "late"),
        sampleProjection(other, 3, "early"),
      ]);
      expect([await readRecord(one.id), await readRecord(other.id)]).toEqual(["late", "late"]);
      expect(await history.count()).toMatchObject({ completed: 2 });
    });

    test("batches written at once leave the latest revision", async () => {
      const run = sampleRun(1);
      await Promise.all(
        [4, 9, 2, 7].map((revision) => history.write([sampleProjection(run, revision, revision)])),
      );
      expect(await readRecord(run.id)).toBe(9);
      expect(await history.count()).toMatchObject({ completed: 1 });
    });

    test("what is done to a projection afterwards does not change what was written", async () => {
      const projection = sampleProjection(sampleRun(1, { metadata: { note: "as it was" } }), 5, "as it was");
      await history.write([projection]);
      projection.summary.metadata["note"] = "changed";
      projection.record.fill(0);
      expect((await history.read(projection.summary.id))?.summary.metadata).toEqual({ note: "as it was" });
      expect(await readRecord(projection.summary.id)).toBe("as it was");
    });
  });

  describe("records", () => {
    /** Characters of 1 to 4 bytes, a byte order mark, and what JSON escapes. */
    const mixed = (bytes: number) => 'aé€😀\ufeff\u0000"\\\ud800'.repeat(Math.ceil(bytes / 20));
    const fill = (bytes: number) => "x".repeat(bytes);

    test.each<[string, Json]>([
      ...["", "x", "xy", "xyz"].map((shift): [string, Json] => [
        `characters cut by nothing, ${shift.length} bytes further on`,
        [shift, mixed(3 * LIMITS.rowBytes)],
      ]),
      [
        "a byte order mark where each piece begins",
        [fill(HEAD_BYTES - 2), fill(LIMITS.rowBytes - 6)].join("\ufeff").concat("\ufeff\ufeff"),
      ],
      ["halves of characters, which JSON escapes", "\ud83d\udc00\ude00".repeat(HEAD_BYTES / 12)],
      ["just what fits where records begin", fill(HEAD_BYTES - 2)],
      ["one byte more", fill(HEAD_BYTES - 1)],
      ["the largest there is", fill(LIMITS.historyBatchBytes - 2)],
    ])("%s: read back equal", async (_name, value) => {
      const { summary, revision, record } = sampleProjection(sampleRun(1), 5, value);
      await history.write([{ summary, revision, record }]);
      const found = await history.read(summary.id);
      expect(found?.record.length).toBe(record.length);
      expect(found?.record.findIndex((byte, index) => byte !== record[index])).toBe(-1);
    });

    test("an empty record and an empty batch are fine", async () => {
      const projection = { revision: 1, summary: sampleRun(1), record: new Uint8Array() };
      await history.write([]);
      await history.write([projection]);
      expect(await history.read(projection.summary.id)).toEqual(projection);
    });

    test("a run that goes on after its end has no record until it ends again", async () => {
      const run = sampleRun(1);
      await history.write([sampleProjection(run, 5, fill(2 * LIMITS.rowBytes))]);
      await history.write([
        { revision: 6, summary: { ...run, status: "running" }, record: new Uint8Array() },
      ]);
      expect((await history.read(run.id))?.record).toEqual(new Uint8Array());
      await history.write([sampleProjection(run, 9, "short")]);
      expect(await readRecord(run.id)).toBe("short");
    });
  });

  describe("batches", () => {
    test("a full batch of runs with 50 tags each is written", async () => {
      const tags = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`tag "${index}" ü`, "v'\\"]));
      const numbers = Array.from({ length: LIMITS.historyBatchRuns }, (_, number) => number);
      await history.write(numbers.map((number) => sampleProjection(sampleRun(number, { tags }))));
      const tag = { key: 'tag "49" ü', value: "v'\\" };
      expect((await history.list({ tag }, { limit: 200 })).items).toHaveLength(LIMITS.historyBatchRuns);
    });

    test("a tag may have any name, those of prototypes included", async () => {
      const tags = { ["__proto__"]: "a", constructor: "b", "": "" };
      await history.write([sampleProjection(sampleRun(1, { tags })), sampleProjection(sampleRun(2))]);
      for (const [key, value] of Object.entries(tags)) {
        const { items } = await history.list({ tag: { key, value } }, { limit: 10 });
        expect(items).toEqual([sampleRun(1, { tags })]);
      }
      expect((await history.list({ tag: { key: "toString", value: "" } }, { limit: 10 })).items).toEqual([]);
    });
  });
}
